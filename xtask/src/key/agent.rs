//! The one question that an `ssh-agent` is asked (draft-ietf-sshm-ssh-agent, "Private Key Operations").

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use ssh_key::Signature;

const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;

/// An answer is a signature and its name.
const ANSWER_BYTES: u32 = 64 * 1024;

/// A person may have to touch something or answer a window first.
const PATIENCE: Duration = Duration::from_secs(300);

/// Lets the agent behind `socket` sign `message` with the key whose OpenSSH wire form is `key`.
pub(super) fn sign(socket: &Path, key: &[u8], message: &[u8]) -> Result<Signature> {
    let talk = || format!("failed to talk to the ssh-agent at {}", socket.display());
    let mut stream = UnixStream::connect(socket).with_context(talk)?;
    stream.set_read_timeout(Some(PATIENCE)).with_context(talk)?;
    let mut body = vec![SIGN_REQUEST];
    for part in [key, message] {
        body.extend(u32::try_from(part.len()).context("the message is too long to sign")?.to_be_bytes());
        body.extend(part);
    }
    body.extend(0_u32.to_be_bytes());
    let mut request =
        u32::try_from(body.len()).context("the message is too long to sign")?.to_be_bytes().to_vec();
    request.append(&mut body);
    stream.write_all(&request).with_context(talk)?;
    let mut number = || -> Result<u32> {
        let mut bytes = [0; 4];
        stream.read_exact(&mut bytes).with_context(talk)?;
        Ok(u32::from_be_bytes(bytes))
    };
    let length = number()?;
    ensure!((1..=ANSWER_BYTES).contains(&length), "the ssh-agent gave an answer of {length} bytes");
    let mut answer = vec![0; usize::try_from(length).unwrap_or(0)];
    stream.read_exact(&mut answer).with_context(talk)?;
    match answer.split_first() {
        Some((&SIGN_RESPONSE, rest)) => {
            let (length, signature) =
                rest.split_first_chunk::<4>().context("the ssh-agent's answer is cut short")?;
            ensure!(
                usize::try_from(u32::from_be_bytes(*length)).ok() == Some(signature.len()),
                "the ssh-agent's answer is cut short"
            );
            Signature::try_from(signature).context("the ssh-agent's answer is not a signature")
        }
        _ => bail!(
            "the ssh-agent does not hold this key, or was told not to sign; `ssh-add -L` lists what it holds"
        ),
    }
}

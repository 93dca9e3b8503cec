//! What a task takes from outside: the time, randomness, passphrases and the agent that holds keys.

use std::path::PathBuf;

use airlock::digest::Digest;
use anyhow::{Context, Result, bail, ensure};
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::disk;

/// What a task takes from outside.
#[derive(Debug)]
pub struct World {
    /// The time.
    pub now: Timestamp,
    /// Where keys and ids come from.
    pub random: Random,
    /// Who answers for encrypted keys.
    pub passphrase: Passphrase,
    /// The socket of an `ssh-agent`.
    pub agent: Option<PathBuf>,
}

/// Where random bytes come from.
#[derive(Debug)]
pub enum Random {
    /// The operating system.
    System,
    /// A seed and how often it was drawn from: the same keys every time, for tests and for nothing else.
    Seed(u64, u64),
}

/// Who answers for encrypted keys.
#[derive(Clone)]
pub enum Passphrase {
    /// The person at the terminal.
    Prompt,
    /// The first line of a file.
    File(PathBuf),
    /// Somebody who knows it already.
    Given(Zeroizing<String>),
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Prompt => "Prompt",
            Self::File(_) => "File",
            Self::Given(_) => "Given",
        })
    }
}

impl World {
    /// The process' own clock, randomness and environment (`AIRLOCK_PASSPHRASE_FILE`, `SSH_AUTH_SOCK`).
    pub fn of_process(passphrase_file: Option<PathBuf>) -> Self {
        let file = passphrase_file.or_else(|| std::env::var_os("AIRLOCK_PASSPHRASE_FILE").map(PathBuf::from));
        Self {
            now: Timestamp::now(),
            random: Random::System,
            passphrase: file.map_or(Passphrase::Prompt, Passphrase::File),
            agent: std::env::var_os("SSH_AUTH_SOCK").map(PathBuf::from),
        }
    }

    /// A world without a terminal, where everything repeats: for tests.
    pub fn fixed(now: Timestamp, seed: u64, passphrase: &str) -> Self {
        Self {
            now,
            random: Random::Seed(seed, 0),
            passphrase: Passphrase::Given(Zeroizing::new(passphrase.to_owned())),
            agent: None,
        }
    }

    /// Whole seconds of the time, since documents carry no fractions.
    pub fn second(&self) -> Timestamp {
        Timestamp::from_second(self.now.as_second()).unwrap_or(self.now)
    }

    /// So many random bytes.
    ///
    /// # Errors
    /// When the operating system has none.
    pub fn random<const N: usize>(&mut self) -> Result<Zeroizing<[u8; N]>> {
        let mut bytes = Zeroizing::new([0; N]);
        match &mut self.random {
            Random::System => {
                getrandom::fill(&mut *bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
            }
            Random::Seed(seed, drawn) => {
                for chunk in bytes.chunks_mut(32) {
                    let block = Digest::of(format!("seed {seed} draw {drawn}").as_bytes());
                    chunk.copy_from_slice(block.as_bytes().get(..chunk.len()).unwrap_or_default());
                    *drawn += 1;
                }
            }
        }
        Ok(bytes)
    }
}

impl Passphrase {
    /// The passphrase of an existing key.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn ask(&self, what: &str) -> Result<Zeroizing<String>> {
        match self {
            Self::Prompt => {
                let prompt = format!("passphrase of {what}: ");
                let answer = rpassword::prompt_password(prompt);
                answer.map(Zeroizing::new).context(
                    "nobody at a terminal to ask for the passphrase; name a file by --passphrase-file or AIRLOCK_PASSPHRASE_FILE",
                )
            }
            Self::File(path) => {
                let text = disk::read_secret(path)?;
                let text = std::str::from_utf8(&text)
                    .with_context(|| format!("the passphrase in {} is not UTF-8", path.display()))?;
                Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
            }
            Self::Given(passphrase) => Ok(passphrase.clone()),
        }
    }

    /// A passphrase for a new key; a person types it twice.
    ///
    /// # Errors
    /// When nobody answers, the two differ, or it is too short to be one.
    pub fn choose(&self, what: &str) -> Result<Zeroizing<String>> {
        let first = self.ask(what)?;
        ensure!(
            first.chars().count() >= 8,
            "a passphrase of fewer than 8 characters protects nothing; `--unencrypted` says so openly"
        );
        if matches!(self, Self::Prompt) && self.ask(&format!("{what} once more"))? != first {
            bail!("the two passphrases differ");
        }
        Ok(first)
    }
}

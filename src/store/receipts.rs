use std::{
    io::{BufRead, BufReader, Read},
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Access, DAMAGED, Disk, Error, Recovered,
    disk::{File, FileReader, TOP},
    error::During,
    file,
};
use crate::{
    bundle::{Malformed, strict},
    digest::Digest,
    limits,
    trust::state::ReceiptHead,
};

/// Where the receipts lie; never collected.
pub(super) const DIR: &str = "receipts-v1";

const PATH: &str = "receipts-v1/receipts.jsonl";

/// One receipt. What is told in it is the business of whoever writes it.
const LINE_BYTES: u64 = 1024 * 1024;

/// One line of the receipts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// 1, 2, 3 …
    pub number: u64,
    /// The hash of the line before, without its newline; of nothing for the first.
    pub previous: Digest,
    /// When, by this node's clock.
    pub at: Timestamp,
    /// What was decided.
    pub body: serde_json::Value,
}

/// The receipts, read from the first to the last.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// What can be read.
    pub receipts: Vec<Receipt>,
    /// Where the chain does not hold, in words; empty where it does.
    pub breaks: Vec<String>,
}

/// The end of the file: where the next line goes.
pub(super) struct Receipts {
    disk: Arc<dyn Disk>,
    head: ReceiptHead,
    /// The size of the file up to and with the head; none where that is not known, and has to be looked up again.
    end: Option<u64>,
}

impl Receipts {
    /// Finds the line that the state knows as the last one. It reads the end of the file, not all of it.
    pub(super) fn new(disk: &Arc<dyn Disk>, head: ReceiptHead) -> Self {
        Self { disk: Arc::clone(disk), head, end: None }
    }

    /// Cuts what follows the head: what was never reported, or was written in part.
    pub(super) fn trim(&mut self) -> Result<Option<Recovered>, Error> {
        let Some(file) = self.disk.open(PATH, Access::Read).during("open", PATH)? else {
            self.end = Some(0);
            return Ok(match self.head.count {
                0 => None,
                count => Some(Recovered::ReceiptsMissing { known: count }),
            });
        };
        let size = file.size().during("read", PATH)?;
        let found = find(&file, size, self.head).during("read", PATH)?;
        let notice = match found {
            Place::End(end) if end == size => None,
            Place::End(end) => Some(self.cut(file.clone(), end, size)?),
            Place::Nowhere { whole } => {
                // The lines that the state knows of are gone. What is left is kept, and the chain shows the gap.
                if whole < size {
                    self.cut(file.clone(), whole, size)?;
                }
                Some(Recovered::ReceiptsMissing { known: self.head.count })
            }
        };
        self.end = Some(match found {
            Place::End(end) | Place::Nowhere { whole: end } => end,
        });
        Ok(notice)
    }

    /// Keeps what is cut, since it may tell a person what happened, and cuts it.
    fn cut(&self, file: Arc<dyn File>, end: u64, size: u64) -> Result<Recovered, Error> {
        let mut tail = Vec::new();
        FileReader::new(file, end).take(LINE_BYTES).read_to_end(&mut tail).during("read", PATH)?;
        if file::ensure_dir(self.disk.as_ref(), DAMAGED)? {
            self.disk.sync_dir(TOP).during("sync", TOP)?;
        }
        let aside = format!("{DAMAGED}/receipts-after-{}", self.head.count);
        file::replace(self.disk.as_ref(), &aside, &tail)?;
        let file = self.disk.open(PATH, Access::Write).during("open", PATH)?;
        let file = file.ok_or_else(|| std::io::ErrorKind::NotFound.into()).during("open", PATH)?;
        file.truncate(end).during("cut", PATH)?;
        file.sync().during("sync", PATH)?;
        Ok(Recovered::ReceiptsCut { bytes: size - end, aside })
    }

    /// Writes the next receipt and makes it durable. It counts once a state with the returned head is committed.
    pub(super) fn append(
        &mut self,
        head: ReceiptHead,
        at: Timestamp,
        body: serde_json::Value,
    ) -> Result<ReceiptHead, Error> {
        // A receipt whose state was never committed is not one: it is overwritten.
        if head != self.head || self.end.is_none() {
            self.head = head;
            self.end = None;
            self.trim()?;
        }
        let receipt = Receipt { number: head.count + 1, previous: head.digest, at, body };
        let mut line = serde_json::to_vec(&receipt).map_err(|error| Malformed::new("the receipt", error))?;
        let digest = Digest::of(&line);
        line.push(b'\n');
        if line.len() as u64 > LINE_BYTES {
            return Err(Malformed::new("the receipt", "it is larger than a receipt may be").into());
        }
        // Until it is known to be durable, nobody knows where the file ends.
        let end = self.end.take().unwrap_or(0);
        let file = match self.disk.open(PATH, Access::Write).during("open", PATH)? {
            Some(file) => file,
            None => self.disk.create(PATH).during("create", PATH)?,
        };
        // Whoever made the file may have been stopped before its name was durable.
        if end == 0 {
            self.disk.sync_dir(DIR).during("sync", DIR)?;
        }
        file.write_all_at(&line, end).during("write", PATH)?;
        file.sync().during("sync", PATH)?;
        self.head = ReceiptHead { count: receipt.number, digest };
        self.end = Some(end + line.len() as u64);
        Ok(self.head)
    }
}

/// Where the head is.
#[derive(Clone, Copy)]
enum Place {
    /// It ends here.
    End(u64),
    /// It is not there; the last line that is whole ends here.
    Nowhere { whole: u64 },
}

/// Looks for the head near the end of the file, where it nearly always is, and then in all of it.
fn find(file: &Arc<dyn File>, size: u64, head: ReceiptHead) -> std::io::Result<Place> {
    if head.count == 0 {
        return Ok(Place::End(0));
    }
    let near = size.saturating_sub(limits::CHUNK_BYTES as u64);
    match scan(file, near, near > 0, head)? {
        Place::Nowhere { .. } if near > 0 => scan(file, 0, false, head),
        place => Ok(place),
    }
}

/// Looks for the head from `start` on; `inside` skips the line that `start` may lie in.
fn scan(file: &Arc<dyn File>, start: u64, inside: bool, head: ReceiptHead) -> std::io::Result<Place> {
    let mut reader = BufReader::new(FileReader::new(Arc::clone(file), start));
    let (mut at, mut skip, mut line) = (start, inside, Vec::new());
    loop {
        line.clear();
        let count = reader.read_until(b'\n', &mut line)?;
        let Some(text) = line.strip_suffix(b"\n") else { return Ok(Place::Nowhere { whole: at }) };
        at += count as u64;
        if !std::mem::take(&mut skip) && Digest::of(text) == head.digest {
            return Ok(Place::End(at));
        }
    }
}

/// Reads the receipts up to the head and holds each against the one before.
pub(super) fn read(disk: &dyn Disk, head: ReceiptHead) -> Result<Chain, Error> {
    let mut chain = Chain { receipts: Vec::new(), breaks: Vec::new() };
    let (mut number, mut previous) = (0, Digest::of(b""));
    let file = disk.open(PATH, Access::Read).during("open", PATH)?;
    let mut reader = file.map(|file| BufReader::new(FileReader::new(file, 0)));
    let mut line = Vec::new();
    while let Some(reader) = &mut reader
        && (number, previous) != (head.count, head.digest)
    {
        line.clear();
        reader.read_until(b'\n', &mut line).during("read", PATH)?;
        let Some(text) = line.strip_suffix(b"\n") else { break };
        match strict::parse::<Receipt>(&format!("the receipt after {number}"), text) {
            Ok(receipt) => {
                if (receipt.number, receipt.previous) != (number + 1, previous) {
                    chain.breaks.push(format!("receipt {} does not follow receipt {number}", receipt.number));
                }
                number = receipt.number;
                chain.receipts.push(receipt);
            }
            Err(error) => {
                chain.breaks.push(error.to_string());
                number += 1;
            }
        }
        previous = Digest::of(text);
    }
    if (number, previous) != (head.count, head.digest) {
        chain.breaks.push(format!("receipt {} is the last one, and it is not there", head.count));
    }
    Ok(chain)
}

/// The last line that is whole, for a new state that goes on where an old one was lost.
pub(super) fn last(disk: &dyn Disk) -> Result<ReceiptHead, Error> {
    let mut head = ReceiptHead { count: 0, digest: Digest::of(b"") };
    let Some(file) = disk.open(PATH, Access::Read).during("open", PATH)? else { return Ok(head) };
    let mut reader = BufReader::new(FileReader::new(file, 0));
    let mut line = Vec::new();
    loop {
        line.clear();
        reader.read_until(b'\n', &mut line).during("read", PATH)?;
        let Some(text) = line.strip_suffix(b"\n") else { return Ok(head) };
        let number = strict::parse::<Receipt>("a receipt", text).map_or(head.count + 1, |it| it.number);
        head = ReceiptHead { count: number, digest: Digest::of(text) };
    }
}

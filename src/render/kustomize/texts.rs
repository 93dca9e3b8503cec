//! Texts that live as long as a build.

use std::cell::OnceCell;

/// Keeps bytes and lends them out for as long as it lives itself. Nodes borrow from files where they can; what is made
/// on the way, like an inline patch, is kept here so that they can borrow from that as well.
#[derive(Debug, Default)]
pub struct TextArena {
    first: Box<Block>,
}

const PLACES: usize = 512;

#[derive(Debug)]
struct Block {
    places: [OnceCell<Box<[u8]>>; PLACES],
    next: OnceCell<Box<Self>>,
}

impl Default for Block {
    fn default() -> Self {
        Self { places: [const { OnceCell::new() }; PLACES], next: OnceCell::new() }
    }
}

impl TextArena {
    /// Keeps bytes.
    pub fn keep(&self, bytes: impl Into<Box<[u8]>>) -> &[u8] {
        let bytes = bytes.into();
        let mut block = &self.first;
        // Blocks fill up in order, so the last one is where a free place is.
        while let Some(next) = block.next.get() {
            block = next;
        }
        loop {
            if let Some(place) = block.places.iter().find(|place| place.get().is_none()) {
                return place.get_or_init(|| bytes);
            }
            block = block.next.get_or_init(Box::default);
        }
    }
}

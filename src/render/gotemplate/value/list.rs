//! Go's slice: a window of an array that others may look at too.

use std::{
    cell::{Ref, RefCell},
    fmt,
    rc::Rc,
};

use super::{Value, kind::ListType, sink};

/// A slice. A clone looks at the same array, so that what is written through one is seen through the other.
#[derive(Clone)]
pub struct List {
    kind: &'static ListType,
    /// `None` is the nil slice, which is empty and prints as one.
    array: Option<Rc<Array>>,
    start: u32,
    len: u32,
    /// How far `slice` may reach, from `start`.
    capacity: u32,
}

struct Array(RefCell<Vec<Value>>);

impl Drop for Array {
    fn drop(&mut self) {
        sink::drop_all(self.0.get_mut().drain(..));
    }
}

impl List {
    /// A slice of its own over `items`, which have the type that `kind` says.
    pub fn new(kind: &'static ListType, items: Vec<Value>) -> Self {
        // More than 2^32 values do not fit any budget.
        let len = u32::try_from(items.len()).unwrap_or(u32::MAX);
        Self { kind, array: Some(Rc::new(Array(RefCell::new(items)))), start: 0, len, capacity: len }
    }

    /// The nil slice of a type.
    pub fn nil(kind: &'static ListType) -> Self {
        Self { kind, array: None, start: 0, len: 0, capacity: 0 }
    }

    /// Its type.
    pub fn list_type(&self) -> &'static ListType {
        self.kind
    }

    /// The same elements under another type of the same shape.
    pub fn with_type(mut self, kind: &'static ListType) -> Self {
        self.kind = kind;
        self
    }

    /// Whether it is nil, not merely empty.
    pub fn is_nil(&self) -> bool {
        self.array.is_none()
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How far it may be sliced: Go's `cap`.
    pub fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// The element at `index`.
    pub fn get(&self, index: usize) -> Option<Value> {
        self.items().get(index).cloned()
    }

    /// The elements. They are borrowed: let go before anything else may write.
    pub fn items(&self) -> Items<'_> {
        let range = self.start as usize..(self.start + self.len) as usize;
        Items(self.array.as_ref().map(|array| Ref::map(array.0.borrow(), |it| it.get(range).unwrap_or(&[]))))
    }

    /// A copy of the elements.
    pub fn to_vec(&self) -> Vec<Value> {
        self.items().to_vec()
    }

    /// Writes an element; whoever looks at the same array sees it. Out of range nothing happens.
    pub fn set(&self, index: usize, value: Value) {
        if index < self.len()
            && let Some(array) = &self.array
        {
            let old = match array.0.borrow_mut().get_mut(self.start as usize + index) {
                Some(place) => std::mem::replace(place, value),
                None => value,
            };
            drop(old);
        }
    }

    /// Sorts in place, as `sort.Strings` sorts what it is given.
    pub fn sort_by(&self, compare: impl FnMut(&Value, &Value) -> std::cmp::Ordering) {
        if let Some(array) = &self.array {
            let range = self.start as usize..(self.start + self.len) as usize;
            if let Some(items) = array.0.borrow_mut().get_mut(range) {
                items.sort_by(compare);
            }
        }
    }

    /// `list[from:to:max]` over the same array; `None` where Go would panic.
    pub fn slice(&self, from: usize, to: usize, max: usize) -> Option<Self> {
        if from > to || to > max || max > self.capacity() {
            return None;
        }
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let start = self.start + narrow(from);
        Some(Self { start, len: narrow(to - from), capacity: narrow(max - from), ..self.clone() })
    }

    /// Whether both look at the same elements of one array.
    pub fn is_same(&self, other: &Self) -> bool {
        match (&self.array, &other.array) {
            (Some(one), Some(two)) => {
                Rc::ptr_eq(one, two) && self.start == other.start && self.len == other.len
            }
            (None, None) => true,
            _ => false,
        }
    }

    /// Gives the elements away where nobody else looks at them.
    pub(super) fn into_sole_items(self) -> Option<Vec<Value>> {
        let array = Rc::try_unwrap(self.array?).ok()?;
        Some(std::mem::take(&mut *array.0.borrow_mut()))
    }
}

/// The borrowed elements of a [`List`].
pub struct Items<'a>(Option<Ref<'a, [Value]>>);

impl std::ops::Deref for Items<'_> {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        self.0.as_deref().unwrap_or(&[])
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(len {})", self.kind.name, self.len)
    }
}

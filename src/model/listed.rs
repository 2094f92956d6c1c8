//! Objects of one kind by name, as lists and watches tell of them.
//!
//! A full list replaces what was known: what it does not name is gone when it ends. Knows nothing of what
//! the objects are; whoever keeps an index beside it is given what went.

use std::collections::BTreeMap;

/// Objects by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    objects: BTreeMap<String, (u64, T)>,
    /// Counts full lists: an object without the current mark when one ends was not in it.
    mark: u64,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), mark: 0 }
    }
}

impl<T> Listed<T> {
    /// The object of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        self.objects.get(name).map(|(_, object)| object)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.objects.iter().map(|(name, (_, object))| (name.as_str(), object))
    }

    /// Those whose names begin with `prefix`, by name.
    pub fn starting(&self, prefix: &str) -> impl Iterator<Item = &T> {
        let from = self
            .objects
            .range::<str, _>((std::ops::Bound::Included(prefix), std::ops::Bound::Unbounded));
        from.take_while(move |(name, _)| name.starts_with(prefix)).map(|(_, (_, object))| object)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// A full list begins.
    pub(crate) fn start(&mut self) {
        self.mark += 1;
    }

    /// Takes an object for what is known under the name; gives what was.
    pub(crate) fn apply(&mut self, name: String, object: T) -> Option<T> {
        self.objects.insert(name, (self.mark, object)).map(|(_, before)| before)
    }

    /// Forgets an object; gives it, if there was one.
    pub(crate) fn remove(&mut self, name: &str) -> Option<T> {
        self.objects.remove(name).map(|(_, object)| object)
    }

    /// The full list is complete: forgets what it did not name, and gives it.
    pub(crate) fn end(&mut self) -> Vec<(String, T)> {
        let old = self.objects.iter().filter(|(_, (listed, _))| *listed < self.mark);
        let old: Vec<String> = old.map(|(name, _)| name.clone()).collect();
        let gone = old.into_iter().filter_map(|name| {
            let (_, object) = self.objects.remove(&name)?;
            Some((name, object))
        });
        gone.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Listed;

    #[test]
    fn a_full_list_replaces_what_it_does_not_name() {
        let mut listed = Listed::default();
        for name in ["a/1", "a/2", "b/1"] {
            listed.apply(name.to_owned(), name.len());
        }
        assert_eq!(listed.starting("a/").count(), 2);
        listed.start();
        listed.apply("a/2".to_owned(), 7);
        let gone: Vec<_> = listed.end().into_iter().map(|(name, _)| name).collect();
        assert_eq!(gone, ["a/1", "b/1"]);
        assert_eq!(listed.iter().collect::<Vec<_>>(), [("a/2", &7)]);
    }
}

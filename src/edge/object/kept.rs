//! Maps and lists of an object of which only known entries are kept.
//!
//! A pod can have hundreds of variables and a copy of itself among its annotations; a scheduler waits while
//! they are read. What nobody asks for is dropped as it is read, mostly without having been copied.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::edge::object::run::{ANNOTATIONS, VARIABLES};

/// Annotations of a pod whose keys are in [`ANNOTATIONS`], in the order told.
#[derive(Clone, Debug, Default)]
pub struct Annotations(Vec<(&'static str, String)>);

/// Variables of a container whose names are in [`VARIABLES`] and whose values stand in the pod, in the order
/// told.
#[derive(Clone, Debug, Default)]
pub struct Env(Vec<(&'static str, String)>);

impl Annotations {
    /// The value of a key; of several, the last, as JSON is read everywhere else.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&String> {
        last(&self.0, key)
    }
}

impl Env {
    /// The value of a variable; of several, the last, as a container sees it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        last(&self.0, name).map(String::as_str)
    }
}

fn last<'a>(entries: &'a [(&'static str, String)], key: &str) -> Option<&'a String> {
    entries.iter().rev().find(|(known, _)| *known == key).map(|(_, value)| value)
}

/// The same text among those that are known.
fn known(list: &[&'static str], text: &str) -> Option<&'static str> {
    list.iter().copied().find(|known| *known == text)
}

/// Borrowed where nothing is escaped; serde borrows a Cow only where it stands as a field of its own.
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_map(AnnotationsVisitor)
    }
}

struct AnnotationsVisitor;

impl<'de> Visitor<'de> for AnnotationsVisitor {
    type Value = Annotations;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("annotations: an object of texts")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Annotations, M::Error> {
        let mut kept = Annotations::default();
        while let Some(Text(key)) = map.next_key()? {
            match known(&ANNOTATIONS, &key) {
                Some(key) => {
                    let value: Option<String> = map.next_value()?;
                    kept.0.extend(value.map(|value| (key, value)));
                }
                None => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(kept)
    }
}

impl<'de> Deserialize<'de> for Env {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_seq(EnvVisitor)
    }
}

struct EnvVisitor;

impl<'de> Visitor<'de> for EnvVisitor {
    type Value = Env;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("env: a list of variables")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Env, S::Error> {
        let mut kept = Env::default();
        while let Some(variable) = list.next_element::<Option<Variable<'_>>>()? {
            kept.0.extend(variable.and_then(Variable::kept));
        }
        Ok(kept)
    }
}

/// As in the pod. One that takes its value from elsewhere has none here.
#[derive(Deserialize)]
struct Variable<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    value: Option<Text<'a>>,
}

impl Variable<'_> {
    fn kept(self) -> Option<(&'static str, String)> {
        Some((known(&VARIABLES, &self.name?.0)?, self.value?.0.into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Annotations, Env};

    #[test]
    fn only_known_annotations_are_kept_and_the_last_of_two_counts() {
        let json = r#"{"a":"b","dunnage.dev/run":"r\n","runUrl":null,"c":{"d":[1]},
            "dunnage.dev/run":"s"}"#;
        let kept: Annotations = serde_json::from_str(json).expect("annotations");
        assert_eq!(kept.get("dunnage.dev/run").map(String::as_str), Some("s"));
        assert_eq!((kept.get("a"), kept.get("runUrl"), kept.0.len()), (None, None, 2));
    }

    #[test]
    fn only_known_variables_are_kept_wherever_their_name_stands() {
        let json = r#"[{"name":"PATH","value":"/bin"},null,{"value":"1"},
            {"name":"CI_PIPELINE_ID","valueFrom":{"fieldRef":{"fieldPath":"a"}}},
            {"value":"{\"a\":1}","name":"ARGO_TEMPLATE"},{"name":"CI_PIPELINE_ID","value":"7"}]"#;
        for env in [
            serde_json::from_str::<Env>(json),
            serde_json::from_str(json).and_then(serde_json::from_value::<Env>),
        ] {
            let env = env.expect("env");
            assert_eq!(env.get("ARGO_TEMPLATE"), Some("{\"a\":1}"));
            assert_eq!(env.get("CI_PIPELINE_ID"), Some("7"));
            assert_eq!((env.get("PATH"), env.0.len()), (None, 2));
        }
    }
}

//! Maps and lists of an object of which only known entries are kept.
//!
//! A pod can have hundreds of variables and a copy of itself among its annotations; a scheduler waits while
//! they are read. What nobody asks for is skipped without being unescaped or copied.

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
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

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
        while let Some(Variable(variable)) = list.next_element()? {
            kept.0.extend(variable);
        }
        Ok(kept)
    }
}

/// `None` for a variable that nobody asks for, or that is none.
struct Variable(Option<(&'static str, String)>);

impl<'de> Deserialize<'de> for Variable {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(VariableVisitor)
    }
}

struct VariableVisitor;

impl<'de> Visitor<'de> for VariableVisitor {
    type Value = Variable;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a variable: an object with name and value")
    }

    fn visit_unit<E>(self) -> Result<Variable, E> {
        Ok(Variable(None))
    }

    fn visit_str<E>(self, _: &str) -> Result<Variable, E> {
        Ok(Variable(None))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Variable, M::Error> {
        let mut name = None;
        let mut is_known = true;
        let mut value = None;
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "name" => {
                    let Text(told) = map.next_value()?;
                    name = known(&VARIABLES, &told);
                    is_known = name.is_some();
                }
                // Upstream writes the name first: then most values are skipped here.
                "value" if is_known => value = map.next_value::<Option<String>>()?,
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(Variable(name.zip(value)))
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
        let json = r#"[{"name":"PATH","value":"/bin"},null,"<<UNORDERED>>",{"value":"1"},
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

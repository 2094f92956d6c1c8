//! One JSON object a line: what serde says of a line, in the words of all readers.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::model::quantity;
use crate::sim::resource::Resources;

/// The line as a `T`; `what` names it in the error.
///
/// # Errors
/// If it is no JSON, or not that of a `T`.
pub fn parse<T: DeserializeOwned>(what: &str, line: &[u8]) -> Result<T, String> {
    serde_json::from_slice(line).map_err(|error| {
        let text = error.to_string();
        // The reader counts lines, too, and each line is its first.
        let reason = text.split(" at line ").next().unwrap_or_default();
        format!("not {what} as JSON: {reason} at column {}", error.column())
    })
}

/// `requests` of a container.
///
/// # Errors
/// If a quantity is none.
pub fn requests(written: &BTreeMap<String, Amount>) -> Result<Resources, String> {
    let mut requests = Resources::default();
    if let Some(amount) = written.get("cpu") {
        requests.cpu_millis = quantity::millis(&amount.text())?;
    }
    if let Some(amount) = written.get("memory") {
        requests.memory = quantity::bytes(&amount.text())?;
    }
    Ok(requests)
}

/// A quantity as YAML has it, which takes `4` for a number.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Amount {
    Text(String),
    Number(serde_json::Number),
}

impl Amount {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}

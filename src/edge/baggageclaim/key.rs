//! How the properties of a volume make its key.

use std::collections::BTreeMap;
use std::str::FromStr;

/// Text with names of properties in braces, as `{dunnage-key}` or `git/{repository}@{version}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyTemplate(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Property(String),
}

impl KeyTemplate {
    /// The key of a volume with these properties; `None` if one that it takes is missing or empty.
    #[must_use]
    pub fn fill(&self, properties: &BTreeMap<String, String>) -> Option<String> {
        let mut key = String::new();
        for part in &self.0 {
            key.push_str(match part {
                Part::Text(text) => text,
                Part::Property(name) => properties.get(name).filter(|value| !value.is_empty())?,
            });
        }
        Some(key)
    }
}

impl FromStr for KeyTemplate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected =
            || format!("{text:?}: expected text with names of properties in braces, as {{name}}");
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}').ok_or_else(expected)?;
            if name.is_empty() || name.contains('{') || before.contains('}') {
                return Err(expected());
            }
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Property(name.to_owned()));
            rest = behind;
        }
        // Without any property all volumes would have one key.
        if parts.is_empty() || rest.contains('}') {
            return Err(expected());
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::KeyTemplate;

    fn fill(template: &str, properties: &[(&str, &str)]) -> Option<String> {
        let template: KeyTemplate = template.parse().expect(template);
        let properties: BTreeMap<String, String> =
            properties.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        template.fill(&properties)
    }

    #[test]
    fn a_key_is_made_of_properties_and_text() {
        let all = [("repo", "app"), ("dunnage-key", "k"), ("version", "4f2a"), ("none", "")];
        assert_eq!(fill("{dunnage-key}", &all).as_deref(), Some("k"));
        assert_eq!(fill("git/{repo}@{version}.", &all).as_deref(), Some("git/app@4f2a."));
        assert_eq!(fill("{repo}{gone}", &all), None, "one is missing");
        assert_eq!(fill("{none}", &all), None, "one is empty");
    }

    #[test]
    fn a_template_without_properties_or_with_odd_braces_is_refused() {
        for odd in ["", "key", "{}", "{a", "a}", "{a}}", "{a{b}}", "}{a}"] {
            let error = odd.parse::<KeyTemplate>().expect_err(odd);
            assert!(error.contains("names of properties in braces"), "{error}");
        }
    }
}

//! What later steps of the pod's run want, as lines of text.

use super::size;
use crate::edge::view::later::LaterView;

/// Per platform what they want and who told, then one line an image; nothing where nothing is known.
pub(super) fn lines(later: Option<&LaterView>) -> String {
    let Some(later) = later else { return String::new() };
    let mut text = String::new();
    for wanted in &later.wanted {
        text.push_str(&format!(
            "Later steps want {} more on {}, {:.1}s on a cold node (told by {})\n",
            size(wanted.bytes),
            wanted.platform,
            wanted.cold_seconds,
            later.source
        ));
        for (at, image) in wanted.images.iter().enumerate() {
            let bytes = if image.bytes > 0 { size(image.bytes) } else { "-".to_owned() };
            let pods = later.pods.get(at).map_or_else(String::new, |pods| match pods {
                1 => ", for 1 pod".to_owned(),
                pods => format!(", for {pods} pods"),
            });
            text.push_str(&format!("  {}  {bytes}  {}{pods}\n", image.reference, image.reason));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::lines;

    #[test]
    fn each_image_is_said_with_the_pods_that_want_it() {
        let image = |reference: &str, bytes: u64| {
            json!({ "reference": reference, "pullPolicy": "Always", "known": "", "bytes": bytes,
                "reason": "known" })
        };
        let images = [image("r.io/a:1", 2048), image("r.io/b:1", 0)];
        let wanted = json!([{ "platform": "linux/amd64", "bytes": 1024, "coldSeconds": 2.5,
            "images": images }]);
        let later = json!({ "source": "pending-pods", "pods": [1, 3], "wanted": wanted });
        let expected = "Later steps want 1.0Ki more on linux/amd64, 2.5s on a cold node \
            (told by pending-pods)\n  r.io/a:1  2.0Ki  known, for 1 pod\n  \
            r.io/b:1  -  known, for 3 pods\n";
        let view = serde_json::from_value(later).expect("a view");
        assert_eq!(lines(Some(&view)), expected);
        assert_eq!(lines(None), "");
    }
}

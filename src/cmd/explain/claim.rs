//! The claims of a pod as lines of text: what is behind each, where that is, and what it costs elsewhere.

use crate::edge::view::disk::{ClaimView, PlaceView};

/// One line a claim; nothing for a pod that has none.
pub(super) fn lines(claims: &[ClaimView]) -> String {
    if claims.is_empty() {
        return String::new();
    }
    let lines: String = claims.iter().map(line).collect();
    format!("Claims\n{lines}")
}

fn line(claim: &ClaimView) -> String {
    let waits = if claim.waits_for_pod { "to be made where the pod goes" } else { "no volume yet" };
    let volume = claim.volume.as_deref().unwrap_or(waits);
    let modes = claim.access_modes.iter().map(|mode| format!("  {mode}")).collect::<String>();
    let places = claim.places.iter().map(|at| place(at, claim)).collect::<Vec<_>>().join(", ");
    let places = if places.is_empty() { "nowhere".to_owned() } else { places };
    format!(
        "  {}  {volume}{modes}  {places}, {}, {:.1}s elsewhere\n",
        claim.claim, claim.reason, claim.attach_seconds
    )
}

fn place(place: &PlaceView, claim: &ClaimView) -> String {
    let pods = match place.pods {
        0 => String::new(),
        1 => ", used by 1 pod".to_owned(),
        pods => format!(", used by {pods} pods"),
    };
    let most = place.disks_max.zip(claim.driver.as_ref());
    let most = most.map(|(most, driver)| format!(", at most {most} of {driver} there"));
    format!("{} on {}{pods}{}", place.state, place.node, most.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::lines;
    use crate::edge::view::disk::{ClaimView, PlaceView};

    fn claim(volume: Option<&str>, places: &[(&str, u32)]) -> ClaimView {
        let place = |&(node, pods): &(&str, u32)| PlaceView {
            node: node.to_owned(),
            state: "attached".to_owned(),
            pods,
            disks_max: (node == "b").then_some(25),
        };
        ClaimView {
            claim: "data".to_owned(),
            volume: volume.map(str::to_owned),
            driver: Some("ebs.csi.aws.com".to_owned()),
            access_modes: vec!["RWO".to_owned()],
            zones: Vec::new(),
            nodes: Vec::new(),
            waits_for_pod: true,
            known: "one-node".to_owned(),
            reason: "attached to one node at a time".to_owned(),
            places: places.iter().map(place).collect(),
            attach_seconds: 15.0,
        }
    }

    #[test]
    fn each_claim_is_said_where_its_disk_is_and_what_it_costs_elsewhere() {
        let claims = [claim(Some("pv-1"), &[("a", 0), ("b", 1), ("c", 2)]), claim(None, &[])];
        let expected = "Claims\n  \
            data  pv-1  RWO  attached on a, attached on b, used by 1 pod, \
            at most 25 of ebs.csi.aws.com there, attached on c, used by 2 pods, \
            attached to one node at a time, 15.0s elsewhere\n  \
            data  to be made where the pod goes  RWO  \
            nowhere, attached to one node at a time, 15.0s elsewhere\n";
        assert_eq!(lines(&claims), expected);
        assert_eq!(lines(&[]), "");
    }
}

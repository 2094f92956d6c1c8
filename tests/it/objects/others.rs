//! The kinds beside pods and nodes: well-formed, of the kind their file name says, and refused as Pods.

use dunnage::edge::object::PodObject;
use serde_json::Value;

use super::{names_in, objects, read};

#[test]
fn volumes_and_attachments_are_well_formed() {
    let all = ["full-api/HEAD", "full-api/v1.33.0"].map(names_in).concat();
    assert_eq!(all.len(), 14);
    for name in all {
        let object: Value = read(&name);
        let kind = object["kind"].as_str().expect("a kind");
        assert!(name.ends_with(&format!(".{kind}.json")), "{name} is a {kind}");
    }
    let claims: Vec<Value> = objects("volumes/troubleshoot-pvcs.json");
    assert_eq!(claims.len(), 2);
    assert!(claims.iter().all(|claim| claim["kind"] == "PersistentVolumeClaim"));
}

#[test]
fn an_object_of_another_kind_has_no_images() {
    for name in names_in("full-api/HEAD") {
        if name.ends_with(".Pod.json") {
            continue;
        }
        // Some have fields of a pod's name and another shape: an error is as good as no container.
        if let Ok(object) = serde_json::from_value::<PodObject>(read(&name)) {
            let containers = object.spec.and_then(|spec| spec.containers);
            assert!(containers.is_none(), "{name}");
        }
    }
}

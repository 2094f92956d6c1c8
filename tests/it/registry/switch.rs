//! `--resolve=off`: no connection to any registry, whatever pods and nodes want.

use anyhow::Result;
use serde_json::json;

use super::faulty::Faulty;
use super::rig::write_hosts;
use crate::support::{Extender, extender_args};
use crate::testbed::{ControlPlane, NodeSpec, make_nodes};

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_resolved_no_registry_is_asked() -> Result<()> {
    let plane = ControlPlane::start().await?;
    make_nodes(&plane.client(), &[NodeSpec::new("a").holding("r.test/held:1", 5_000_000)]).await?;
    let (asked, never_asked) = (Faulty::start().await?, Faulty::start().await?);
    // Both see the same; by the time the second one has looked up all, the first one would have, too.
    for (registry, switch) in [(&never_asked, "off"), (&asked, "on")] {
        let hosts = plane.dir().join(switch);
        write_hosts(&hosts, "r.test", &registry.hosts_toml())?;
        let hosts = format!("--registry-hosts-dir={}", hosts.display());
        let switch = format!("--resolve={switch}");
        let mut extender =
            Extender::start(plane.dir(), plane.kubeconfig(), &[&hosts, &switch]).await?;
        extender.await_ready().await?;
        let pod = json!({"metadata": {"name": "step", "namespace": "steps", "uid": "1"},
            "spec": {"restartPolicy": "Never", "containers": [{"image": "r.test/wanted:1"}]}});
        extender.prioritize(extender_args(&pod, &["a".to_owned()])).await?;
        if switch == "--resolve=on" {
            let looked_up = |text: &str| {
                let by_pass = asked.state.count("/held/") > 0;
                text.contains("\"layers\":2") && by_pass && asked.state.count("/wanted/") > 0
            };
            extender.await_answer("/api/v1/images", |_, text| looked_up(text)).await?;
        }
    }
    assert_eq!(never_asked.state.count("/"), 0);
    Ok(())
}

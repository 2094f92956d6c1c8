//! Ten thousand tags at once: bounded and counted.

use anyhow::{Result, ensure};

use super::faulty::Faulty;
use super::rig::Rig;

const AMD64: &str = "linux/amd64";
const TAGS: usize = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_tags_at_once_are_bounded_and_what_is_dropped_is_counted() -> Result<()> {
    let faulty = Faulty::start().await?;
    let hosts = [("r.test", faulty.hosts_toml())];
    let rig = Rig::start(&hosts, &[AMD64])?;
    for tag in 0..TAGS {
        rig.ask(&format!("r.test/silent:{tag}")).await?;
        if tag % 500 == 0 {
            ensure!(rig.metric("dunnage_registry_queue_images").await? <= 1024.0);
        }
    }
    assert_eq!(faulty.state.most_open(), 4);
    // In the end each tag was either dropped or came to nothing, and is then listed with the reason.
    let dropped = "dunnage_registry_queue_dropped_images_total";
    rig.await_page("/api/v1/images", async |page| {
        let listed = page.matches("\"unresolved\"").count();
        Ok(listed as f64 + rig.metric(dropped).await? == TAGS as f64)
    })
    .await?;
    ensure!(rig.metric(dropped).await? > 0.0);
    ensure!(faulty.state.count("/silent/") < 100);
    Ok(())
}

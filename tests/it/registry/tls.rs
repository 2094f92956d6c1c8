//! A real registry by HTTPS, under a certificate of its own: trusted as `hosts.toml` says.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};

use super::image::Image;
use super::rig::Rig;
use super::server::Registry;

const AMD64: &str = "linux/amd64";

/// A CA, and what it has certified, as files.
struct Certificates {
    dir: PathBuf,
}

impl Certificates {
    /// `ca.pem`; `server.pem` for loopback and `client.pem`, each with its key.
    fn make(dir: &Path) -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        std::fs::write(dir.join("ca.pem"), ca.pem())?;
        for (name, usage) in [
            ("server", ExtendedKeyUsagePurpose::ServerAuth),
            ("client", ExtendedKeyUsagePurpose::ClientAuth),
        ] {
            let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
            params.extended_key_usages = vec![usage];
            let key = KeyPair::generate()?;
            let certificate = params.signed_by(&key, &ca)?;
            std::fs::write(dir.join(format!("{name}.pem")), certificate.pem())?;
            std::fs::write(dir.join(format!("{name}.key")), key.serialize_pem())?;
        }
        Ok(Self { dir: dir.to_owned() })
    }

    fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    /// As a registry's configuration names them.
    fn of_server(&self) -> [(&'static str, String); 2] {
        [("certificate", self.path("server.pem")), ("key", self.path("server.key"))]
    }
}

/// The number of layers that are found under these words of `hosts.toml`, or why not.
async fn found(registry: &Registry, words: &str) -> Result<String> {
    let rig = Rig::start(&[("r.test", format!("{}{words}\n", registry.hosts_toml()))], &[AMD64])?;
    rig.ask("r.test/ci/a:1").await?;
    let is_ended =
        |image: &serde_json::Value| image["layers"].is_u64() || image["unresolved"].is_string();
    let image = rig.await_image("r.test/ci/a:1", AMD64, is_ended).await?;
    let layers = image["layers"].as_u64().map(|count| format!("{count} layers"));
    Ok(layers.unwrap_or_else(|| image["unresolved"].as_str().unwrap_or_default().to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_trusted_by_its_ca_or_not_looked_at_and_else_refused() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let certificates = Certificates::make(dir.path())?;
    let plain = Registry::plain(dir.path()).await?;
    plain.push("ci/a", "1", &Image::oci(AMD64, &["base", "a"])).await?;
    let registry = plain.by_tls(&certificates.of_server()).await?;
    let ca = format!("ca = {:?}", certificates.path("ca.pem"));
    for words in [ca.as_str(), "skip_verify = true"] {
        assert_eq!(found(&registry, words).await?, "2 layers", "{words}");
    }
    for words in ["", "skip_verify = false"] {
        let reason = found(&registry, words).await?;
        ensure!(reason.contains("invalid peer certificate: UnknownIssuer"), "{words}: {reason}");
    }
    // A mirror's words are its own: they are not the server's.
    let of_mirror = format!("[host.{:?}]\n{ca}", registry.url());
    assert_eq!(found(&registry, &of_mirror).await?, "2 layers");
    let of_another = format!("[host.\"https://127.0.0.1:1\"]\n{ca}");
    ensure!(!found(&registry, &of_another).await?.contains("layers"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_wants_a_certificate_of_ours_gets_it() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let certificates = Certificates::make(dir.path())?;
    let plain = Registry::plain(dir.path()).await?;
    plain.push("ci/a", "1", &Image::oci(AMD64, &["base", "a"])).await?;
    let wants = ("clientcas", format!("[{:?}]", certificates.path("ca.pem")));
    let registry = plain.by_tls(&[&certificates.of_server()[..], &[wants]].concat()).await?;
    let ca = format!("ca = {:?}\n", certificates.path("ca.pem"));
    let (pem, key) = (certificates.path("client.pem"), certificates.path("client.key"));
    let pair = format!("{ca}client = [[{pem:?}, {key:?}]]");
    assert_eq!(found(&registry, &pair).await?, "2 layers");
    let both = [std::fs::read(&pem)?, std::fs::read(&key)?].concat();
    std::fs::write(dir.path().join("both.pem"), both)?;
    let one = format!("{ca}client = {:?}", certificates.path("both.pem"));
    assert_eq!(found(&registry, &one).await?, "2 layers");
    // With TLS 1.3 the server refuses after the client is done: whether its alert or the end of the
    // connection is seen first is chance.
    let reason = found(&registry, &ca).await?;
    ensure!(!reason.is_empty() && !reason.contains("layers"), "{reason}");
    Ok(())
}

//! Who may read volumes: whom the cluster knows by a token made for this, and allows it.
//!
//! A TokenReview says who it is, with an audience of our own, so that a token that is read off the wire is
//! good for nothing else. A SubjectAccessReview says whether who it is may `get` `volumes` of the group
//! `dunnage.dev`, a resource that exists for RBAC only.

use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use moka::future::Cache;

use crate::model::chain_id::sha256;

/// What a token must be made for.
pub const AUDIENCE: &str = "dunnage.dev";
/// Who was let in is not asked about again for so long: a pod fetches several volumes at its start.
const KEPT_FOR: Duration = Duration::from_secs(60);
/// Tokens remembered, by hash.
const KEPT_MAX: u64 = 10_000;
/// A longer token is none: those of pods have about a thousand bytes.
const TOKEN_BYTES_MAX: usize = 16 << 10;
/// An API server that takes longer hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The cluster does not know them by that token.
    Unknown,
    /// It knows them, and does not allow it.
    Forbidden,
    /// It does not say.
    Unanswered,
}

/// Asks the API server.
#[derive(Clone)]
pub struct Access {
    client: Client,
    admitted: Cache<String, ()>,
}

impl Access {
    /// Asks by this client, which must be allowed to create both reviews.
    #[must_use]
    pub fn new(client: Client) -> Self {
        let admitted = Cache::builder().max_capacity(KEPT_MAX).time_to_live(KEPT_FOR).build();
        Self { client, admitted }
    }

    /// Whether the holder of a token may read volumes.
    ///
    /// # Errors
    /// If not, or if nobody can say.
    pub async fn check(&self, token: Option<&str>) -> Result<(), Denial> {
        let token = token.filter(|token| !token.is_empty() && token.len() <= TOKEN_BYTES_MAX);
        let token = token.ok_or(Denial::Unknown)?;
        let review = async {
            let reviewed = tokio::time::timeout(ANSWER_WITHIN, self.review(token)).await;
            reviewed.unwrap_or(Err(Denial::Unanswered))
        };
        // Only who was let in is remembered: rights that are granted hold at once.
        let admitted = self.admitted.try_get_with(sha256(token.as_bytes()), review);
        admitted.await.map_err(|denial| *denial)
    }

    async fn review(&self, token: &str) -> Result<(), Denial> {
        let user = self.user(token).await?;
        let attributes = ResourceAttributes {
            group: Some(AUDIENCE.to_owned()),
            resource: Some("volumes".to_owned()),
            verb: Some("get".to_owned()),
            ..ResourceAttributes::default()
        };
        let spec = SubjectAccessReviewSpec {
            user: user.username,
            uid: user.uid,
            groups: user.groups,
            extra: user.extra,
            resource_attributes: Some(attributes),
            ..SubjectAccessReviewSpec::default()
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let answer = Api::all(self.client.clone()).create(&PostParams::default(), &review).await;
        let status = answer.map_err(unanswered)?.status;
        if status.is_some_and(|status| status.allowed) { Ok(()) } else { Err(Denial::Forbidden) }
    }

    async fn user(&self, token: &str) -> Result<UserInfo, Denial> {
        let spec =
            TokenReviewSpec { token: token.to_owned(), audiences: Some(vec![AUDIENCE.to_owned()]) };
        let review = TokenReview { spec, ..TokenReview::default() };
        let answer = Api::all(self.client.clone()).create(&PostParams::default(), &review).await;
        let status = answer.map_err(unanswered)?.status.unwrap_or_default();
        let audiences = status.audiences.unwrap_or_default();
        let is_known = status.authenticated == Some(true);
        // An API server that does not know audiences tells none: then it is anybody's token.
        let is_for_us = audiences.iter().any(|audience| audience == AUDIENCE);
        let user = status.user.filter(|_| is_known && is_for_us);
        user.ok_or(Denial::Unknown)
    }
}

fn unanswered(error: kube::Error) -> Denial {
    tracing::warn!(%error, "cannot ask who may read volumes");
    Denial::Unanswered
}

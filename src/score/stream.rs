//! Charges candidates for the named volumes they lack, each once and from its best source.
//!
//! What a node pays depends on its zone alone, but for holders and for nodes to which the volume is on its
//! way: so sources are compared once per zone, whatever the number of candidates.
//!
//! While a node with room has a volume, or it is on its way to one, bringing it to another one as well is
//! avoidable: its seconds, as many times as the policy says, count against that. While there is no such node,
//! they count against all that lack the volume but one that its key chooses: a burst is decided about before
//! the first stream of it is seen.

mod meeting;

use crate::cost::stream::{Source, Way};
use crate::model::cluster::volume::{Stream, Volume};
use crate::model::cluster::{Cluster, NodeId, VolumeId};
use crate::model::node::ZoneId;
use crate::model::node_set::place;
use crate::model::unit::{Bytes, Nanos, Price};
use crate::model::volume::VolumeFacts;
use crate::policy::Policy;
use crate::policy::curve::Curve;
use crate::policy::stream::{Fallback, StreamPolicy};
use crate::score::Question;
use crate::score::decision::Decision;
use crate::score::decision::volume::{SizeTold, VolumeReasons, VolumeRow, WantedVolume};

/// Charges every candidate for the volumes that the pod needs; gives what a cold, idle node pays.
pub(super) fn charge(decision: &mut Decision, question: &Question<'_>) -> Nanos {
    let mut cold = Nanos(0);
    let needs = &question.pod.run.needs;
    for (at, facts) in needs.iter().enumerate() {
        let wanted = if needs[..at].iter().any(|earlier| earlier.key == facts.key) {
            repeated()
        } else {
            charge_one(decision, question, facts)
        };
        cold = cold + wanted.cold;
        decision.volumes.push(wanted);
    }
    cold
}

fn repeated() -> WantedVolume {
    WantedVolume {
        bytes: Bytes(0),
        size: SizeTold::Repeated,
        holders: 0,
        streams: 0,
        cold: Nanos(0),
        fallback: None,
    }
}

fn charge_one(
    decision: &mut Decision,
    question: &Question<'_>,
    facts: &VolumeFacts,
) -> WantedVolume {
    let cluster = question.cluster;
    let volume = cluster.volume_id(&facts.key).map(|id: VolumeId| cluster.volume(id));
    let (bytes, size) = size_of(volume, facts, &question.policy.stream);
    let ways = Ways::new(volume, facts, question);
    let coming = volume.map(|volume| ways.coming(volume, bytes, question)).unwrap_or_default();
    let best: Vec<_> = ways.zones().map(|zone| ways.best(zone, bytes)).collect();
    let best_to = |node| best[cluster.gist(node).zone.index()];
    let mut soonest = meeting::soonest_with_room(decision, question, volume, &coming);
    let home = if soonest.is_some() {
        None
    } else {
        meeting::choose(decision, question, &facts.key, volume, |row| {
            let images = decision.scratch.missing[row.node.index()];
            let images = decision.rates_of(row).duration_of(images);
            best_to(row.node).map(|way| ways.cost(&way, bytes) + images)
        })
    };
    soonest = soonest.or(home.and_then(best_to).map(|way| way.duration_of(bytes)));
    let brought = |way: &Option<Way>| VolumeRow::brought(*way, bytes, soonest, question.policy);
    let by_zone: Vec<_> = best.iter().map(brought).collect();
    let holders = &mut decision.scratch.holders;
    holders.fill(0);
    if let Some(volume) = volume {
        volume.holders.add_to_words(holders);
    }
    for (row, volumes) in decision.rows.iter().zip(&mut decision.volume_rows) {
        let (word, bit) = place(row.node);
        if holders[word] & bit != 0 {
            volumes.reasons.add(VolumeReasons::HERE);
            continue;
        }
        let anew = &by_zone[cluster.gist(row.node).zone.index()];
        match coming.binary_search_by_key(&row.node, |(node, _)| *node) {
            Ok(at) => volumes.wait_for(coming[at].1, bytes, anew),
            Err(_) if home == Some(row.node) => {
                volumes.add(&VolumeRow { avoidable: Nanos(0), ..*anew });
            }
            Err(_) => volumes.add(anew),
        }
    }
    let (holders, streams) = volume.map_or((0, 0), |v| (v.holders.len(), v.streams.len()));
    let fallback = ways.fallback.map(|(way, _)| way.source);
    WantedVolume { bytes, size, holders, streams, cold: ways.cold(bytes), fallback }
}

/// Whether streams cost some candidates more than others, by enough to be worth a point.
pub(super) fn tells_apart(decision: &Decision, curve: &Curve) -> bool {
    let costs = decision.volume_rows.iter().map(|row| row.stream + row.avoidable);
    let (least, most) = (costs.clone().min(), costs.max());
    let differ = most.zip(least).map(|(most, least)| most - least).unwrap_or_default();
    curve.points(i64::try_from(differ.0).unwrap_or(i64::MAX)) != 0
}

/// The size that counts: what nodes tell, else what this pod tells, else what others do, else the
/// policy's assumption.
fn size_of(
    volume: Option<&Volume>,
    facts: &VolumeFacts,
    policy: &StreamPolicy,
) -> (Bytes, SizeTold) {
    let measured = volume.filter(|volume| volume.is_measured()).and_then(Volume::bytes);
    if let Some(bytes) = measured {
        return (bytes, SizeTold::Node);
    }
    match facts.bytes.or_else(|| volume.and_then(Volume::bytes)) {
        Some(bytes) => (bytes, SizeTold::Pod),
        None => (policy.kind(facts.kind).bytes, SizeTold::Nobody),
    }
}

/// How a volume can come to nodes that lack it.
struct Ways<'a> {
    policy: &'a StreamPolicy,
    cluster: &'a Cluster,
    /// By zone: the fewest streams from a holder there; `None` where there is no holder.
    uploads: Vec<Option<u32>>,
    /// If no node holds it, and the zone of that.
    fallback: Option<(Way, Option<ZoneId>)>,
}

impl<'a> Ways<'a> {
    fn new(volume: Option<&Volume>, facts: &VolumeFacts, question: &Question<'a>) -> Self {
        let (policy, cluster) = (&question.policy.stream, question.cluster);
        let mut uploads = vec![None; cluster.zone_table_len()];
        for holder in volume.iter().flat_map(|volume| volume.holders.iter()) {
            let node = cluster.node(holder);
            let least = &mut uploads[node.zone.index()];
            *least = Some(least.map_or(node.volumes.uploads, |l: u32| l.min(node.volumes.uploads)));
        }
        let fallback = match policy.kind(facts.kind).fallback {
            Fallback::None => None,
            Fallback::Registry => Some((Source::Registry, policy.registry, &policy.registry_zone)),
            Fallback::BlobStore => {
                Some((Source::BlobStore, policy.blob_store, &policy.blob_store_zone))
            }
        };
        let fallback = fallback.map(|(source, tier, zone)| {
            let zone = (!zone.is_empty()).then(|| cluster.zone_id(zone));
            let (rate, gigabyte_price) = (tier.rate, tier.gigabyte_price);
            let way = Way { source, rate, sharing: 0, crosses_zone: false, gigabyte_price };
            (way, zone.map(|zone| zone.unwrap_or(ZoneId::ELSEWHERE)))
        });
        Self { policy, cluster, uploads, fallback }
    }

    fn zones(&self) -> impl Iterator<Item = ZoneId> {
        let zones = u8::try_from(self.uploads.len() - 1).unwrap_or(u8::MAX);
        (0..=zones).map(ZoneId)
    }

    /// The way that costs a node of a zone least, the nearest of equal ones.
    fn best(&self, zone: ZoneId, bytes: Bytes) -> Option<Way> {
        let others = self.uploads.iter().enumerate().filter(|(at, _)| *at != zone.index());
        let peer = self.uploads[zone.index()].map(|sharing| self.peer(sharing, false));
        let far = others.filter_map(|(_, uploads)| *uploads).min();
        let ways = [peer, far.map(|sharing| self.peer(sharing, true)), self.fallback_in(zone)];
        ways.into_iter().flatten().min_by_key(|way| self.cost(way, bytes))
    }

    fn cost(&self, way: &Way, bytes: Bytes) -> Nanos {
        way.duration_of(bytes) + way.price_of(bytes).in_time(self.policy.time_per_money)
    }

    /// From a holder that so many streams come from already.
    fn peer(&self, sharing: u32, crosses_zone: bool) -> Way {
        let zone = self.policy.zone;
        if crosses_zone {
            let (rate, gigabyte_price) = (zone.rate, zone.gigabyte_price);
            return Way { source: Source::Zone, rate, sharing, crosses_zone, gigabyte_price };
        }
        let (source, rate) = (Source::Peer, self.policy.peer);
        Way { source, rate, sharing, crosses_zone, gigabyte_price: Price(0) }
    }

    fn fallback_in(&self, zone: ZoneId) -> Option<Way> {
        let (way, own) = self.fallback?;
        Some(Way { crosses_zone: own.is_some_and(|own| own != zone), ..way })
    }

    /// What a cold, idle node pays: the fallback, or where there is none another zone's holder.
    fn cold(&self, bytes: Bytes) -> Nanos {
        let held = self.uploads.iter().any(Option::is_some);
        let far = held.then(|| self.peer(0, true));
        let way = self.fallback.map(|(way, _)| way).or(far);
        way.map_or(Nanos(0), |way| way.duration_of(bytes))
    }

    /// How long the streams in progress still take, by ascending id of the node.
    fn coming(
        &self,
        volume: &Volume,
        bytes: Bytes,
        question: &Question<'_>,
    ) -> Vec<(NodeId, Nanos)> {
        let mut coming: Vec<_> = volume
            .streams
            .iter()
            .filter_map(|stream| {
                let way = self.way_of(stream)?;
                Some((stream.to, way.left_of(bytes, stream.begun_at, question.now)))
            })
            .collect();
        coming.sort_unstable_by_key(|(node, _)| *node);
        coming
    }

    /// The way that a stream most likely takes; it is one of those that share its source.
    fn way_of(&self, stream: &Stream) -> Option<Way> {
        let zone = self.cluster.node(stream.to).zone;
        let Some(from) = stream.from.map(|from| self.cluster.node(from)) else {
            return self.fallback_in(zone);
        };
        let others = from.volumes.uploads.saturating_sub(1);
        Some(self.peer(others, from.zone != zone))
    }
}

impl VolumeRow {
    /// What a node pays to which one volume has to be brought. Counted against that is a stream in progress
    /// elsewhere, `soonest`, unless bringing it anew would be sooner.
    fn brought(way: Option<Way>, bytes: Bytes, soonest: Option<Nanos>, policy: &Policy) -> Self {
        let Some(way) = way else {
            return Self { reasons: VolumeReasons::NOWHERE, ..Self::default() };
        };
        let (stream, price) = (way.duration_of(bytes), way.price_of(bytes));
        let meets = soonest.is_some_and(|soonest| soonest <= stream);
        Self {
            stream,
            missing: bytes,
            zone_bytes: way.zone_bytes(bytes),
            price,
            money: price.in_time(policy.stream.time_per_money),
            avoidable: if meets { policy.stream.avoidable_times.of(stream) } else { Nanos(0) },
            reasons: VolumeReasons::from(way.source),
            ..Self::default()
        }
    }

    /// One more volume has to be brought here.
    fn add(&mut self, brought: &Self) {
        self.stream = self.stream + brought.stream;
        self.missing += brought.missing;
        self.zone_bytes += brought.zone_bytes;
        self.price = self.price + brought.price;
        self.money = self.money + brought.money;
        self.avoidable = self.avoidable + brought.avoidable;
        self.reasons.add(brought.reasons);
    }

    /// A volume is on its way here for another pod. Waiting for it costs no more than bringing it anew,
    /// and its bytes are not paid for again.
    fn wait_for(&mut self, left: Nanos, bytes: Bytes, anew: &Self) {
        let is_nowhere = anew.reasons.has(VolumeReasons::NOWHERE);
        self.stream = self.stream + if is_nowhere { left } else { left.min(anew.stream) };
        self.arriving += bytes;
        self.reasons.add(VolumeReasons::ARRIVING);
    }
}

//! Amounts of processors, memory and pods, as objects write them, and what a pod asks for in all.
//!
//! Read without being kept as text: a scheduler waits while pods are read. An odd amount is untold, which
//! counts as nothing.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::edge::object::kept::Text;
use crate::edge::object::{Container, PodSpec};
use crate::model::quantity;
use crate::model::unit::Bytes;

/// Of a node's room, or of what is asked of it; everything else is skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Thousandths of a processor.
    pub cpu_millis: u64,
    /// Memory.
    pub memory: Bytes,
    /// Pods.
    pub pods: u64,
}

/// Of a container's or a pod's `resources`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Resources {
    /// What the scheduler counts.
    pub requests: Option<Amounts>,
}

/// What a pod asks for, as kube-scheduler counts it (`k8s.io/component-helpers/resource`, `PodRequests`): its
/// containers and sidecars together, or while it starts an init container with the sidecars before it, if
/// that is more; what it asks for as a whole in place of that; and its overhead.
#[must_use]
pub fn requests(spec: &PodSpec) -> Amounts {
    let (mut sidecars, mut starting) = (Amounts::default(), Amounts::default());
    for container in spec.init_containers.iter().flatten() {
        let own = of_container(container);
        if container.restart_policy.as_deref() == Some("Always") {
            sidecars = sidecars.with(own);
            starting = starting.or_more(sidecars);
        } else {
            starting = starting.or_more(sidecars.with(own));
        }
    }
    let running = spec.containers.iter().flatten().map(of_container).fold(sidecars, Amounts::with);
    let whole = spec.resources.as_ref().and_then(|resources| resources.requests);
    let asked = running.or_more(starting).replaced_by(whole.unwrap_or_default());
    asked.with(spec.overhead.unwrap_or_default())
}

fn of_container(container: &Container) -> Amounts {
    container.resources.as_ref().and_then(|resources| resources.requests).unwrap_or_default()
}

impl Amounts {
    fn with(self, other: Self) -> Self {
        Self {
            cpu_millis: self.cpu_millis.saturating_add(other.cpu_millis),
            memory: self.memory + other.memory,
            pods: self.pods.saturating_add(other.pods),
        }
    }

    /// Of each the larger amount.
    fn or_more(self, other: Self) -> Self {
        Self {
            cpu_millis: self.cpu_millis.max(other.cpu_millis),
            memory: self.memory.max(other.memory),
            pods: self.pods.max(other.pods),
        }
    }

    /// Of each the other amount, where that is told.
    fn replaced_by(self, other: Self) -> Self {
        let chosen = |own, other| if other > 0 { other } else { own };
        Self {
            cpu_millis: chosen(self.cpu_millis, other.cpu_millis),
            memory: Bytes(chosen(self.memory.0, other.memory.0)),
            pods: chosen(self.pods, other.pods),
        }
    }
}

impl<'de> Deserialize<'de> for Amounts {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_map(AmountsVisitor)
    }
}

struct AmountsVisitor;

impl<'de> Visitor<'de> for AmountsVisitor {
    type Value = Amounts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("amounts: an object of quantities")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Amounts, M::Error> {
        let mut amounts = Amounts::default();
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "cpu" => amounts.cpu_millis = map.next_value::<Thousandths>()?.0,
                "memory" => amounts.memory = Bytes(map.next_value::<Thousandths>()?.whole()),
                "pods" => amounts.pods = map.next_value::<Thousandths>()?.whole(),
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(amounts)
    }
}

/// A quantity, of which YAML takes `4` for a number.
struct Thousandths(u64);

impl Thousandths {
    fn read(text: &str) -> Self {
        Self(quantity::millis(text).unwrap_or(0))
    }

    /// Rounded up.
    fn whole(&self) -> u64 {
        self.0.div_ceil(1000)
    }
}

impl<'de> Deserialize<'de> for Thousandths {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(ThousandthsVisitor)
    }
}

struct ThousandthsVisitor;

impl Visitor<'_> for ThousandthsVisitor {
    type Value = Thousandths;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity")
    }

    fn visit_str<E>(self, text: &str) -> Result<Thousandths, E> {
        Ok(Thousandths::read(text))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Thousandths, E> {
        Ok(Thousandths(number.saturating_mul(1000)))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Thousandths, E> {
        let refusal = |_| E::invalid_value(Unexpected::Signed(number), &self);
        u64::try_from(number).map_err(refusal).and_then(|number| self.visit_u64(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Thousandths, E> {
        Ok(Thousandths::read(&number.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Thousandths, E> {
        Ok(Thousandths(0))
    }
}

#[cfg(test)]
mod tests {
    use super::{Amounts, requests};
    use crate::edge::object::PodSpec;
    use crate::model::unit::Bytes;

    fn asked(spec: &str) -> (u64, u64) {
        let spec: PodSpec = serde_json::from_str(spec).expect("a spec");
        let Amounts { cpu_millis, memory, .. } = requests(&spec);
        (cpu_millis, memory.0)
    }

    fn container(cpu: &str, memory: &str) -> String {
        format!(r#"{{"resources":{{"requests":{{"cpu":{cpu},"memory":{memory}}}}}}}"#)
    }

    #[test]
    fn containers_add_up_and_init_containers_count_one_at_a_time() {
        let (small, large) = (container("\"250m\"", "\"1Ki\""), container("\"2\"", "\"100\""));
        let sidecar = small.replacen('{', "{\"restartPolicy\":\"Always\",", 1);
        let spec = |init: &[&str], main: &[&str]| {
            let (init, main) = (init.join(","), main.join(","));
            format!(r#"{{"initContainers":[{init}],"containers":[{main}]}}"#)
        };
        assert_eq!(asked("{}"), (0, 0));
        assert_eq!(asked(&spec(&[], &[&small, &large, "{}"])), (2250, 1124));
        assert_eq!(asked(&spec(&[&large, &small], &[&small])), (2000, 1024));
        assert_eq!(asked(&spec(&[&sidecar, &large], &[&small])), (2250, 2048));
        let whole = r#"{"resources":{"requests":{"cpu":"3"}},"overhead":{"memory":"1k"},"#;
        let spec = spec(&[], &[&small]).replacen('{', whole, 1);
        assert_eq!(asked(&spec), (3000, 2024));
    }

    #[test]
    fn amounts_are_read_as_text_or_number_and_odd_ones_are_untold() {
        for (json, expected) in [
            (r#"{"cpu":"1500m","memory":"2Gi","pods":"110","hugepages-2Mi":"0"}"#, (1500, 2 << 30)),
            (r#"{"cpu":2,"memory":1073741824,"pods":110}"#, (2000, 1 << 30)),
            (r#"{"cpu":0.5,"memory":null,"pods":110.0}"#, (500, 0)),
            (r#"{"cpu":"many","memory":"1e3","pods":"110"}"#, (0, 0)),
        ] {
            let amounts: Amounts = serde_json::from_str(json).expect(json);
            let expected = Amounts { cpu_millis: expected.0, memory: Bytes(expected.1), pods: 110 };
            assert_eq!(amounts, expected, "{json}");
            let value: serde_json::Value = serde_json::from_str(json).expect(json);
            let again: Amounts = serde_json::from_value(value).expect(json);
            assert_eq!(again, expected, "{json}");
        }
    }
}

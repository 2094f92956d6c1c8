//! Bodies that nobody should send: all are answered with an empty array, and cost nothing else.

use serde_json::{Value, json};

use super::rig::{IMAGE, NODES, Rig, body, pod};
use crate::objects::text;

#[tokio::test]
async fn bodies_that_made_others_panic_are_unreadable() {
    let rig = Rig::new();
    let bodies: Value = serde_json::from_str(&text("extender/hostile/bodies.json")).expect("JSON");
    let bodies = bodies["bodies"].as_array().expect("a list");
    assert_eq!(bodies.len(), 3);
    for body in bodies {
        let body = body["body"].as_str().expect("text").to_owned();
        rig.prioritize(body).await.is_neutral("unreadable");
    }
}

#[tokio::test]
async fn what_is_no_request_is_unreadable() {
    let rig = Rig::new();
    for body in [
        &b""[..],
        b" \n",
        b"null",
        b"[]",
        b"0",
        b"\"Pod\"",
        b"{}",
        b"{\"Pod\":\"a\"}",
        b"<?xml version=\"1.0\"?>",
        b"a: yaml",
        b"\x00\x01\x02",
        b"\xef\xbb\xbf{\"Pod\":{\"spec\":{\"restartPolicy\":\"Never\"}}}",
        b"\xff\xfe{\x00}\x00",
        b"{\"Pod\":{\"spec\":{\"restartPolicy\":\"\xff\"}}}",
        b"{\"Pod\":{\"spec\":{\"restartPolicy\":\"Never\"}},\"NodeNames\":[\"\xff\"]}",
        b"{\"Pod\":{\"spec\":{\"restartPolicy\":\"Never\"}},\"NodeNames\":[\"\\ud800\"]}",
        b"{\"Pod\":{\"spec\":{\"restartPolicy\":\"Never\"}},\"NodeNames\":[null]}",
        b"{\"Pod\":{\"spec\":{\"restartPolicy\":\"Never\"}},\"NodeNames\":\"warm\"}",
        b"{\"Pod\":{\"spec\":{\"restartPolicy\":\"Never\"}},\"NodeNames\":{\"warm\":1}}",
    ] {
        rig.prioritize(body.to_vec()).await.is_neutral("unreadable");
    }
}

#[tokio::test]
async fn a_real_body_cut_at_any_byte_is_unreadable() {
    let rig = Rig::new();
    let whole = text("extender/composed/tekton-nodenames.json");
    let whole = whole.trim_end();
    for length in 0..whole.len() {
        let reply = rig.prioritize(whole.as_bytes()[..length].to_vec()).await;
        reply.is_neutral("unreadable");
    }
    rig.prioritize(whole.to_owned()).await.is_neutral("no-known-candidate");
}

/// The golden request with another field in its pod's spec.
async fn reply_with(field: &str) -> super::rig::Reply {
    let request = body(&pod(IMAGE), &NODES);
    let request = request.replacen("\"spec\":{", &format!("\"spec\":{{\"odd\":{field},"), 1);
    Rig::new().prioritize(request).await
}

#[tokio::test]
async fn deep_nesting_where_nothing_is_read_is_passed_over() {
    for depth in [200, 100_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let field = format!("{}0{}", open.repeat(depth), close.repeat(depth));
            let reply = reply_with(&field).await;
            assert!(reply.neutral.is_empty(), "{depth} {open}: {reply:?}");
        }
    }
    let nested = format!("{{\"Pod\":{}", "[".repeat(100_000));
    Rig::new().prioritize(nested).await.is_neutral("unreadable");
    let nested = format!("{{\"Pod\":{}", "{\"metadata\":".repeat(200));
    Rig::new().prioritize(nested).await.is_neutral("unreadable");
    let nested = format!("{{\"Nodes\":{}", "{\"items\":[".repeat(200));
    Rig::new().prioritize(nested).await.is_neutral("unreadable");
}

#[tokio::test]
async fn huge_numbers_and_strings_where_nothing_is_read_are_passed_over() {
    let digits = "9".repeat(10_000);
    for field in ["1e999999", "-1e-999999", &digits, &format!("{digits}.{digits}E+{digits}")] {
        let reply = reply_with(field).await;
        assert!(reply.neutral.is_empty(), "{reply:?}");
    }
    let reply = reply_with(&format!("\"{}\"", "\\u0041\u{1f980}".repeat(100_000))).await;
    assert!(reply.neutral.is_empty(), "{reply:?}");
}

#[tokio::test]
async fn a_name_or_label_of_megabytes_is_only_a_name() {
    let rig = Rig::new();
    let huge = "x".repeat(3 << 20);
    let reply = rig.prioritize(body(&pod(IMAGE), &["warm", "cold-a", &huge])).await;
    assert_eq!(reply.scores()[0].0, "warm");
    let mut labelled = pod(&format!("registry.example/{huge}:1"));
    labelled["metadata"]["labels"] = json!({ &huge: huge });
    rig.prioritize(body(&labelled, &NODES)).await.is_neutral("images-unknown");
}

#[tokio::test]
async fn repeated_keys_take_the_last_value_or_refuse_all() {
    let rig = Rig::new();
    let pod = pod(IMAGE);
    let twice =
        format!(r#"{{"Pod":null,"Pod":{pod},"NodeNames":["x"],"NodeNames":["warm","cold-a"]}}"#);
    assert_eq!(rig.prioritize(twice).await.scores(), [("warm".to_owned(), 9)]);
    let twice = r#"{"Pod":{"spec":null,"spec":{}},"NodeNames":["warm"]}"#;
    rig.prioritize(twice).await.is_neutral("unreadable");
}

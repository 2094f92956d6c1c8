//! The body of an HTTP answer, read up to a bound: whoever answers may send without end.

use reqwest::Response;

/// The whole body; `None` if it has more bytes than that.
///
/// # Errors
/// If it does not come whole.
pub async fn read(mut response: Response, bytes_max: usize) -> reqwest::Result<Option<Vec<u8>>> {
    if response.content_length().is_some_and(|length| length > bytes_max as u64) {
        return Ok(None);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > bytes_max {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

//! Continuation tokens of lists.
//!
//! A token is the place of the last item of a page, so it stays good over restarts and whatever is created or
//! deleted meanwhile. It names its list, because a place in one list means nothing in another.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::ServiceError;

/// Longer than any token of ours: a store key or a tag key and an ARN, encoded.
const LONGEST: usize = 4096;

/// The token for what comes after item `last` of a list.
pub(crate) fn encode(list: &str, last: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{list}{last}"))
}

/// The last item that was seen of a list, if a token was given.
pub(crate) fn decode(list: &str, token: Option<&str>) -> Result<Option<String>, ServiceError> {
    let Some(token) = token else { return Ok(None) };
    read(list, token).map(Some).ok_or_else(|| {
        ServiceError::bad_request(
            "nextToken",
            "is not a token that this list has answered with; leave it out to start again",
        )
    })
}

fn read(list: &str, token: &str) -> Option<String> {
    if token.len() > LONGEST {
        return None;
    }
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let last = text.strip_prefix(list)?;
    (!last.is_empty()).then(|| last.to_owned())
}

/// The size of a page, when it is 1 to `most`.
pub(crate) fn size(limit: Option<u32>, most: u32) -> Result<usize, ServiceError> {
    match limit.unwrap_or(most) {
        limit if (1..=most).contains(&limit) => Ok(limit as usize),
        limit => Err(ServiceError::bad_request(
            "limit",
            format!("must be 1 to {most}, is {limit}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, encode, size};

    #[test]
    fn a_token_is_good_for_its_list_only() {
        let token = encode("resource/mesh/", "ä b");
        assert_eq!(
            decode("resource/mesh/", Some(&token)).unwrap().as_deref(),
            Some("ä b")
        );
        for (list, token) in [
            ("resource/within/", token.as_str()),
            ("resource/mesh/", ""),
            ("resource/mesh/", "?"),
            ("resource/mesh/", &encode("resource/mesh/", "")),
            ("resource/mesh/", &encode("resource/mesh/", &"x".repeat(4096))),
        ] {
            assert!(decode(list, Some(token)).is_err(), "{list} {token}");
        }
    }

    #[test]
    fn sizes_have_bounds() {
        assert_eq!(size(None, 50).unwrap(), 50);
        assert_eq!(size(Some(1), 50).unwrap(), 1);
        assert!(size(Some(0), 50).is_err());
        assert!(size(Some(51), 50).is_err());
    }
}

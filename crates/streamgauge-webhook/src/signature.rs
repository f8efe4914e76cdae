//! Signatures as Standard Webhooks has them. The one file that names hmac, sha2 and base64.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::config::WebhookError;

/// The shortest key, in bytes.
const MIN_KEY: usize = 16;

/// What requests are signed with.
#[derive(Clone)]
pub(crate) struct Secret(Hmac<Sha256>);

impl Secret {
    /// Reads `whsec_` and base64, or takes the bytes of other text.
    pub(crate) fn read(text: &str) -> Result<Self, WebhookError> {
        let fault = |rule| WebhookError::Secret { rule };
        let key = match text.strip_prefix("whsec_") {
            Some(encoded) => STANDARD
                .decode(encoded)
                .map_err(|_| fault("what follows whsec_ is to be base64"))?,
            None => text.as_bytes().to_vec(),
        };
        if key.len() < MIN_KEY {
            return Err(fault("it is to have 16 bytes or more"));
        }
        let mac = Hmac::new_from_slice(&key).map_err(|_| fault("it is no key"))?;
        Ok(Self(mac))
    }

    /// The header's value for a request.
    pub(crate) fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    /// By Python's hmac, hashlib and base64.
    #[test]
    fn signatures_are_those_of_another_implementation() {
        let sign = |secret: &str| {
            let secret = Secret::read(secret).unwrap();
            secret.sign("msg_1", 1_614_265_330, br#"{"test": 2432232314}"#)
        };
        assert_eq!(
            sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            "v1,9o7UeFkn1GjVbcY4emAJruJCYqgH2EIf8u/slvVRBZI="
        );
        assert_eq!(
            sign("0123456789abcdef"),
            "v1,/eq18zDSneP6GxEqBkou9aZQiMpiIJbrAyaMiIKwUGA="
        );
    }

    #[test]
    fn a_secret_that_can_be_guessed_or_read_is_refused() {
        for (secret, rule) in [
            ("", "it is to have 16 bytes or more"),
            ("0123456789abcde", "it is to have 16 bytes or more"),
            ("whsec_", "it is to have 16 bytes or more"),
            ("whsec_MDEyMw==", "it is to have 16 bytes or more"),
            (
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS?",
                "what follows whsec_ is to be base64",
            ),
        ] {
            let error = Secret::read(secret).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("the secret cannot be signed with: {rule}"),
                "{secret}"
            );
        }
    }
}

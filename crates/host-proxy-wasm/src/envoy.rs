//! The host traits over the bindings.

use crate::{bindings, wire};
use gatehouse_host::{
    Cas, Clock, Counter, Entropy, HeaderMap, HeaderMaps, HostError, Level, LocalReplies,
    LocalReply, Log, Metrics, Properties, Result, SharedData, Signatures, Status, Timestamp,
};
use prost::Message as _;

/// The proxy that this module runs in.
#[derive(Debug, Clone, Copy)]
pub struct Envoy;

impl Clock for Envoy {
    fn now(&self) -> Result<Timestamp> {
        bindings::now().map(Timestamp::from_nanos)
    }
}

impl Log for Envoy {
    fn log(&self, level: Level, message: &str) {
        // A line that cannot be written is lost: there is nowhere to say so.
        bindings::log(level, message).unwrap_or_default();
    }
}

impl Metrics for Envoy {
    fn define_counter(&self, name: &str) -> Result<Counter> {
        bindings::define_counter(name)
    }

    fn increment(&self, counter: Counter, by: u64) {
        // Envoy refuses an increment of zero, and a count is no reason to fail a request.
        bindings::increment(counter, by).unwrap_or_default();
    }
}

impl SharedData for Envoy {
    fn shared(&self, key: &str) -> Result<Option<(Vec<u8>, Cas)>> {
        bindings::shared_data(key)
    }

    fn swap_shared(&self, key: &str, value: &[u8], cas: Cas) -> Result<bool> {
        bindings::swap_shared_data(key, value, cas)
    }
}

impl HeaderMaps for Envoy {
    fn header_pairs(&self, map: HeaderMap) -> Result<Vec<u8>> {
        bindings::header_pairs(map)
    }

    fn set_header(&self, map: HeaderMap, name: &str, value: &[u8]) -> Result<()> {
        bindings::set_header(map, name, value)
    }

    fn append_header(&self, map: HeaderMap, name: &str, value: &[u8]) -> Result<()> {
        bindings::append_header(map, name, value)
    }

    fn remove_header(&self, map: HeaderMap, name: &str) -> Result<()> {
        bindings::remove_header(map, name)
    }
}

impl Properties for Envoy {
    fn property(&self, path: &[&str]) -> Result<Option<Vec<u8>>> {
        bindings::property(&wire::property_path(path))
    }

    fn set_property(&self, name: &str, value: &[u8]) -> Result<()> {
        bindings::set_property(name.as_bytes(), value)
    }
}

impl LocalReplies for Envoy {
    fn send_local_reply(&self, reply: &LocalReply) -> Result<()> {
        let pairs = reply
            .headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_slice()));
        let headers = wire::pairs(pairs).unwrap_or_default();
        bindings::send_local_response(
            reply.status,
            &reply.details,
            &reply.body,
            &headers,
            reply.grpc_status,
        )
    }
}

impl Entropy for Envoy {
    fn fill_random(&self, bytes: &mut [u8]) -> Result<()> {
        getrandom::fill(bytes).map_err(|_| HostError {
            call: "random_get",
            status: Status::Malformed,
        })
    }
}

impl Signatures for Envoy {
    fn verify_signature(
        &self,
        hash: &str,
        spki_der: &[u8],
        signature: &[u8],
        message: &[u8],
    ) -> Result<bool> {
        const CALL: &str = "proxy_call_foreign_function";
        let arguments = wire::VerifySignature {
            hash_function: hash.to_owned(),
            public_key: spki_der.to_vec(),
            signature: signature.to_vec(),
            text: message.to_vec(),
        };
        let answer = bindings::foreign_function("verify_signature", &arguments.encode_to_vec())?;
        wire::VerifySignatureResult::decode(answer.as_slice())
            .map(|answer| answer.result)
            .map_err(|_| HostError {
                call: CALL,
                status: Status::Malformed,
            })
    }
}

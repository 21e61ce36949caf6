//! How arguments of host calls are written, and results read.

/// A property's path: its parts joined by NUL.
pub fn property_path(path: &[&str]) -> Vec<u8> {
    path.join("\0").into_bytes()
}

/// Headers for a host call: a count, for each pair the lengths of name and value (all 32 bits,
/// little-endian), then names and values, each with a NUL after it. Nothing where a length does
/// not fit; the host itself takes no more than 1,024 pairs and 1 MiB, and reads more as none.
pub fn pairs<'p>(pairs: impl Iterator<Item = (&'p [u8], &'p [u8])> + Clone) -> Option<Vec<u8>> {
    let length = |length: usize| u32::try_from(length).map(u32::to_le_bytes).ok();
    let mut bytes = length(pairs.clone().count())?.to_vec();
    for (name, value) in pairs.clone() {
        bytes.extend(length(name.len())?);
        bytes.extend(length(value.len())?);
    }
    for part in pairs.flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(part);
        bytes.push(0);
    }
    Some(bytes)
}

/// The argument of the foreign function `verify_signature`
/// (`envoy.source.extensions.common.wasm.VerifySignatureArguments`). The key goes as DER: the field
/// for PEM came with Envoy 1.37.
#[derive(Clone, PartialEq, prost::Message)]
pub struct VerifySignature {
    /// `sha256`, `sha384`, `sha512`.
    #[prost(string, tag = "1")]
    pub hash_function: String,
    /// A DER SubjectPublicKeyInfo.
    #[prost(bytes = "vec", tag = "2")]
    pub public_key: Vec<u8>,
    /// PKCS#1 v1.5, or ASN.1 DER for ECDSA.
    #[prost(bytes = "vec", tag = "3")]
    pub signature: Vec<u8>,
    /// What was signed.
    #[prost(bytes = "vec", tag = "4")]
    pub text: Vec<u8>,
}

/// What it answers. A key or signature that cannot be read is a `false` with a reason.
#[derive(Clone, PartialEq, prost::Message)]
pub struct VerifySignatureResult {
    /// Whether the signature is good.
    #[prost(bool, tag = "1")]
    pub result: bool,
    /// Why not.
    #[prost(string, tag = "2")]
    pub error: String,
}

/// Which service a gRPC callout goes to (`envoy.config.core.v3.GrpcService`). Envoy takes a bare cluster's
/// name too, but tries to read it as this message first.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GrpcService {
    /// Through a cluster.
    #[prost(message, optional, tag = "1")]
    pub envoy_grpc: Option<EnvoyGrpc>,
}

/// `envoy.config.core.v3.GrpcService.EnvoyGrpc`
#[derive(Clone, PartialEq, prost::Message)]
pub struct EnvoyGrpc {
    /// The cluster.
    #[prost(string, tag = "1")]
    pub cluster_name: String,
}

impl GrpcService {
    /// What is behind a cluster.
    pub fn of_cluster(name: &str) -> Self {
        Self {
            envoy_grpc: Some(EnvoyGrpc {
                cluster_name: name.to_owned(),
            }),
        }
    }
}

/// The argument of the foreign function `set_envoy_filter_state`
/// (`envoy.source.extensions.common.wasm.SetEnvoyFilterStateArguments`).
#[derive(Clone, PartialEq, prost::Message)]
pub struct SetFilterState {
    /// The key.
    #[prost(string, tag = "1")]
    pub path: String,
    /// What Envoy's factory of that key makes an object of.
    #[prost(string, tag = "2")]
    pub value: String,
    /// How long it stays.
    #[prost(int32, tag = "3")]
    pub span: i32,
}

impl SetFilterState {
    /// It stays as long as the connection from the client.
    pub const CONNECTION: i32 = 2;
}

#[cfg(test)]
mod tests {
    use super::*;
    use gatehouse_host::Headers;
    use prost::Message as _;

    #[test]
    fn pairs_are_what_a_header_map_is_read_from() {
        let given: [(&[u8], &[u8]); 3] = [(b"a", b"1"), (b"b", b""), (b"c", b"\xff\0")];
        let headers = Headers::decode(pairs(given.iter().copied()).unwrap()).unwrap();
        assert_eq!(headers.iter().collect::<Vec<_>>(), given);
    }

    #[test]
    fn bytes_on_the_wire() {
        assert_eq!(property_path(&["source", "address"]), b"source\0address");
        assert_eq!(
            pairs([(&b"ab"[..], &b"c"[..])].into_iter()).unwrap(),
            b"\x01\0\0\0\x02\0\0\0\x01\0\0\0ab\0c\0"
        );
        let arguments = VerifySignature {
            hash_function: "sha256".to_owned(),
            public_key: vec![1],
            signature: vec![2, 3],
            text: vec![],
        };
        assert_eq!(
            arguments.encode_to_vec(),
            b"\x0a\x06sha256\x12\x01\x01\x1a\x02\x02\x03"
        );
        assert_eq!(
            GrpcService::of_cluster("limits").encode_to_vec(),
            b"\x0a\x08\x0a\x06limits"
        );
        let state = SetFilterState {
            path: "k".to_owned(),
            value: "v".to_owned(),
            span: SetFilterState::CONNECTION,
        };
        assert_eq!(state.encode_to_vec(), b"\x0a\x01k\x12\x01v\x18\x02");
        let good = VerifySignatureResult::decode(&b"\x08\x01"[..]).unwrap();
        assert!(good.result);
        assert!(!VerifySignatureResult::decode(&b""[..]).unwrap().result);
        assert!(VerifySignatureResult::decode(&b"\x08"[..]).is_err());
    }
}

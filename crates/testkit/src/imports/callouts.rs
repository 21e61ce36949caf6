//! Callouts over HTTP and gRPC (`Context::httpCall`, `grpcCall`, `grpcStream`).

use super::memory::Guest;
use super::{BAD_ARGUMENT, INTERNAL_FAILURE, NOT_FOUND, Outcome, PARSE_FAILURE, Stop, host_call};
use crate::callouts::{CalloutKind, SentCallout, UNAVAILABLE, reachable};
use crate::vm::{Action, State};
use crate::{Cluster, Headers, wire};
use gatehouse_inline_headers::Of;
use prost::Message as _;
use std::time::Duration;
use wasmtime::{Caller, Linker, Result};

/// `envoy.config.core.v3.GrpcService`, as far as it matters here.
#[derive(Clone, PartialEq, prost::Message)]
struct GrpcService {
    #[prost(message, optional, tag = "1")]
    envoy_grpc: Option<EnvoyGrpc>,
}

/// `envoy.config.core.v3.GrpcService.EnvoyGrpc`
#[derive(Clone, PartialEq, prost::Message)]
struct EnvoyGrpc {
    #[prost(string, tag = "1")]
    cluster_name: String,
}

impl Guest<'_> {
    /// A cluster, from a `GrpcService` or else by its name.
    fn grpc_cluster(&mut self, service: &[u8]) -> std::result::Result<String, Stop> {
        match GrpcService::decode(service) {
            Ok(GrpcService {
                envoy_grpc: Some(grpc),
            }) => Ok(grpc.cluster_name),
            Ok(_) => Err(BAD_ARGUMENT.into()),
            Err(_) => {
                let name = String::from_utf8_lossy(service).into_owned();
                match self.state().world.cluster(&name) {
                    Cluster::Unknown => Err(PARSE_FAILURE.into()),
                    _ => Ok(name),
                }
            }
        }
    }

    fn send_grpc(&mut self, sent: SentCallout, token: u32) -> Outcome {
        let cluster = self.state().world.cluster(&sent.cluster);
        let number = self.state().token(&sent.kind);
        if !reachable(cluster) {
            // The failure is told a second time, once the callback has returned.
            let message = match cluster {
                Cluster::Unknown => "Cluster not available",
                _ => "no healthy upstream{no_healthy_upstream}",
            };
            self.state().actions.push_back(Action::GrpcClose {
                token: number,
                status: UNAVAILABLE,
                message: message.to_owned(),
            });
            return Err(INTERNAL_FAILURE.into());
        }
        self.state().send(number, sent);
        self.write_u32(token, number)
    }

    fn new_callout(&mut self, cluster: String, kind: CalloutKind, headers: Headers) -> SentCallout {
        let world = self.state().world.clone();
        SentCallout {
            sequence: world.next_callout(),
            cluster,
            kind,
            headers,
            body: Vec::new(),
            trailers: None,
            timeout: None,
            sent_at: world.now.get(),
        }
    }
}

/// Zero is no limit.
fn limit(milliseconds: u32) -> Option<Duration> {
    (milliseconds > 0).then(|| Duration::from_millis(milliseconds.into()))
}

pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(
        "env",
        "proxy_http_call",
        |caller: Caller<'_, State>,
         cluster: u32,
         cluster_size: u32,
         headers: u32,
         headers_size: u32,
         body: u32,
         body_size: u32,
         trailers: u32,
         trailers_size: u32,
         timeout: u32,
         token: u32| {
            host_call(caller, "proxy_http_call", &[timeout], |guest| {
                let cluster = guest.text(cluster, cluster_size)?;
                let body = guest.bytes(body, body_size)?;
                let mut headers: Headers =
                    merged(&wire::decode(&guest.bytes(headers, headers_size)?));
                let trailers = wire::decode(&guest.bytes(trailers, trailers_size)?);
                guest.write_u32(token, 0)?;
                if i32::try_from(timeout).is_err() {
                    return Err(BAD_ARGUMENT.into());
                }
                let state = guest.state().world.cluster(&cluster);
                if matches!(state, Cluster::Unknown) {
                    return Err(BAD_ARGUMENT.into());
                }
                let authority = headers.contains(":authority") || headers.contains("host");
                if !(authority && headers.contains(":method") && headers.contains(":path")) {
                    return Err(BAD_ARGUMENT.into());
                }
                if !reachable(state) {
                    return Err(INTERNAL_FAILURE.into());
                }
                if !body.is_empty() {
                    headers.set("content-length", body.len().to_string());
                }
                let mut sent = guest.new_callout(cluster, CalloutKind::Http, headers);
                sent.body = body;
                sent.trailers = (!trailers.is_empty()).then_some(trailers);
                sent.timeout = limit(timeout);
                let number = guest.state().token(&sent.kind);
                guest.state().send(number, sent);
                guest.write_u32(token, number)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_grpc_call",
        |caller: Caller<'_, State>,
         upstream: u32,
         upstream_size: u32,
         service: u32,
         service_size: u32,
         method: u32,
         method_size: u32,
         metadata: u32,
         metadata_size: u32,
         message: u32,
         message_size: u32,
         timeout: u32,
         token: u32| {
            host_call(caller, "proxy_grpc_call", &[timeout], |guest| {
                let upstream = guest.bytes(upstream, upstream_size)?;
                let service = guest.text(service, service_size)?;
                let method = guest.text(method, method_size)?;
                let metadata = merged(&wire::decode(&guest.bytes(metadata, metadata_size)?));
                let message = guest.bytes(message, message_size)?;
                let cluster = guest.grpc_cluster(&upstream)?;
                let kind = CalloutKind::Grpc { service, method };
                let mut sent = guest.new_callout(cluster, kind, metadata);
                sent.body = message;
                sent.timeout = limit(timeout);
                guest.send_grpc(sent, token)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_grpc_stream",
        |caller: Caller<'_, State>,
         upstream: u32,
         upstream_size: u32,
         service: u32,
         service_size: u32,
         method: u32,
         method_size: u32,
         metadata: u32,
         metadata_size: u32,
         token: u32| {
            host_call(caller, "proxy_grpc_stream", &[], |guest| {
                let upstream = guest.bytes(upstream, upstream_size)?;
                let service = guest.text(service, service_size)?;
                let method = guest.text(method, method_size)?;
                let metadata = merged(&wire::decode(&guest.bytes(metadata, metadata_size)?));
                let cluster = guest.grpc_cluster(&upstream)?;
                let kind = CalloutKind::GrpcStream { service, method };
                let sent = guest.new_callout(cluster, kind, metadata);
                guest.send_grpc(sent, token)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_grpc_send",
        |caller: Caller<'_, State>, token: u32, message: u32, size: u32, _end: u32| {
            host_call(caller, "proxy_grpc_send", &[token], |guest| {
                let message = guest.bytes(message, size)?;
                if token & 3 != 2 {
                    return Err(BAD_ARGUMENT.into());
                }
                let pending = guest.state().pending.get_mut(&token).ok_or(NOT_FOUND)?;
                pending.sent.body.extend(message);
                Ok(())
            })
        },
    )?;
    for import in ["proxy_grpc_close", "proxy_grpc_cancel"] {
        linker.func_wrap(
            "env",
            import,
            move |caller: Caller<'_, State>, token: u32| {
                host_call(caller, import, &[token], |guest| {
                    if matches!(token & 3, 0 | 3) {
                        return Err(BAD_ARGUMENT.into());
                    }
                    let gone = guest.state().pending.remove(&token);
                    gone.map(|_| ()).ok_or(NOT_FOUND.into())
                })
            },
        )?;
    }
    Ok(())
}

/// As `addCopy` puts them together.
fn merged(pairs: &Headers) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in pairs.iter() {
        let name = if name == "host" { ":authority" } else { name };
        headers.add(Of::Request, name, value);
    }
    headers
}

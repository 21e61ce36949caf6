//! Answers that do not come from an upstream (`Utility::prepareLocalReply` in Envoy's `source/common/http/utility.cc`).

use crate::Headers;
use crate::stream_state::Way;
use crate::vm::{LocalReplyArguments, Vm};
use gatehouse_inline_headers::Of;

impl Vm {
    /// Answers a request in place of the upstream.
    pub(crate) fn local_reply(&mut self, id: u32, reply: LocalReplyArguments) {
        let Some(stream) = self.stream(id) else {
            return;
        };
        // The first one counts.
        if stream.http.reset || stream.http.local_reply || stream.http.response.out.complete {
            return;
        }
        stream.http.request.aborted = true;
        stream.details = Some(reply.details.clone());
        let (headers, body) = shape(&reply, stream.http.grpc, stream.http.head);
        if stream.http.response.headers_continued {
            stream.http.reset = true;
            stream.http.response.aborted = true;
            return;
        }
        let through_filter = !stream.http.response.started;
        stream.http.local_reply = true;
        stream.http.local_grpc_status = reply.grpc_status;
        if !through_filter {
            let response = &mut stream.http.response;
            response.aborted = true;
            response.headers_continued = true;
            response.headers = headers.clone();
            response.out = crate::Message {
                headers,
                body,
                trailers: None,
                complete: true,
            };
            return;
        }
        self.http_headers(id, Way::Response, headers, body.is_empty());
        if !body.is_empty() {
            self.http_data(id, Way::Response, &body, true);
        }
    }
}

/// The response that a local reply makes.
fn shape(reply: &LocalReplyArguments, grpc: bool, head: bool) -> (Headers, Vec<u8>) {
    let mut headers = Headers::from([(":status", reply.status.to_string())]);
    for (name, value) in reply.headers.iter() {
        headers.add(Of::Response, name, value);
    }
    if grpc {
        headers.set(":status", "200");
        headers.set("content-type", "application/grpc");
        let status = reply
            .grpc_status
            .unwrap_or_else(|| grpc_status(reply.status));
        if !headers.contains("grpc-status") {
            headers.set("grpc-status", status.to_string());
        }
        if !reply.body.is_empty() && !head {
            headers.set("grpc-message", percent_encoded(&reply.body));
        }
        headers.remove("content-length");
        return (headers, Vec::new());
    }
    if reply.body.is_empty() {
        headers.remove("content-length");
        headers.remove("content-type");
    } else {
        headers.set("content-length", reply.body.len().to_string());
        if !headers.contains("content-type") {
            headers.push("content-type", "text/plain");
        }
    }
    (headers, if head { Vec::new() } else { reply.body.clone() })
}

/// `Grpc::Utility::httpToGrpcStatus`
pub(crate) fn grpc_status(status: u32) -> u32 {
    match status {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}

/// `PercentEncoding::encode`, as in `grpc-message`.
fn percent_encoded(bytes: &[u8]) -> String {
    let encode = |byte: &u8| match byte {
        b'%' => "%25".to_owned(),
        b' '..=b'~' => char::from(*byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    bytes.iter().map(encode).collect()
}

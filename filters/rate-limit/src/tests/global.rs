//! A global store: what is asked, what requests wait for, and what answers make of them.

mod answers;
mod leases;

use super::*;
use gatehouse_host::{CalloutId, StreamId, Timestamp};
use gatehouse_host_fake::SentGrpcCallout;
use gatehouse_rate_limit_service::{
    CODE_OK, CODE_OVER_LIMIT, DescriptorStatus, Duration as Reset, Limit as CurrentLimit,
    RateLimitRequest, RateLimitResponse,
};
use prost::Message as _;
use std::time::Duration;

/// No stream is woken.
const NOBODY: [u32; 0] = [];

/// A request that may wait.
struct Stream<'w> {
    worker: &'w Worker,
    headers: Vec<(String, Vec<u8>)>,
    exchange: Exchange,
    pending: Pending,
}

impl Worker {
    fn begin(&self, number: u32, headers: &[(&str, &[u8])]) -> Stream<'_> {
        Stream {
            worker: self,
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
                .collect(),
            exchange: Exchange::new(StreamId(number), true),
            pending: Pending::default(),
        }
    }

    fn tenant(&self, number: u32, tenant: &str) -> Stream<'_> {
        self.begin(number, &[("x-tenant", tenant.as_bytes())])
    }

    /// The only call that was sent.
    fn call(&self) -> Call {
        let mut calls = self.calls();
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls.remove(0)
    }

    fn calls(&self) -> Vec<Call> {
        let sent = self.host.take_grpc_callouts().into_iter();
        sent.map(|SentGrpcCallout { id, callout }| {
            assert_eq!(callout.cluster, "ratelimit");
            assert_eq!(
                callout.service,
                "envoy.service.ratelimit.v3.RateLimitService"
            );
            assert_eq!(callout.method, "ShouldRateLimit");
            let request = RateLimitRequest::decode(&*callout.message).unwrap();
            assert_eq!(request.domain, "gatehouse");
            Call { id, request }
        })
        .collect()
    }

    /// The streams that an answer wakes.
    fn answer(&self, call: &Call, response: &RateLimitResponse) -> Vec<u32> {
        self.answer_bytes(call, response.encode_to_vec())
    }

    fn answer_bytes(&self, call: &Call, bytes: Vec<u8>) -> Vec<u32> {
        let answer = self.host.answer_grpc(bytes);
        let mut wake = Vec::new();
        self.filter.answered(call.id, &answer, &mut wake);
        wake.into_iter().map(|stream| stream.0).collect()
    }

    fn fail(&self, call: &Call, status: u32) -> Vec<u32> {
        let answer = self.host.fail_grpc(status, "said so");
        let mut wake = Vec::new();
        self.filter.answered(call.id, &answer, &mut wake);
        wake.into_iter().map(|stream| stream.0).collect()
    }

    fn tick(&self) -> Vec<u32> {
        let mut wake = Vec::new();
        self.filter.tick(&self.host, &mut wake);
        wake.into_iter().map(|stream| stream.0).collect()
    }

    fn service_counts(&self) -> BTreeMap<String, u64> {
        let counters = self.host.counters().into_iter();
        let of_service = counters.filter_map(|(name, count)| {
            let what = name.strip_prefix("gatehouse.rate_limit.service.")?;
            Some((what.to_owned(), count))
        });
        of_service.collect()
    }
}

#[derive(Debug)]
struct Call {
    id: CalloutId,
    request: RateLimitRequest,
}

impl Call {
    /// Each descriptor as `key=value` and so on, with what it costs if it says so.
    fn descriptors(&self) -> Vec<String> {
        let descriptors = self.request.descriptors.iter().map(|descriptor| {
            let entries = descriptor.entries.iter();
            let mut text: Vec<String> = entries
                .map(|entry| format!("{}={}", entry.key, entry.value))
                .collect();
            if let Some(cost) = descriptor.hits_addend {
                text.push(format!("costs {}", cost.value));
            }
            text.join(" ")
        });
        descriptors.collect()
    }
}

impl Stream<'_> {
    /// Asks the filter about it, at first or anew.
    fn ask(&mut self) -> Verdict {
        let headers = self.headers.iter();
        let headers: Vec<_> = headers.map(|(name, value)| (&**name, &**value)).collect();
        self.worker.host.begin(headers);
        let mut request = Request::new(&self.worker.host, &mut self.exchange);
        let verdict = self.worker.filter.request(&mut request, &mut self.pending);
        let verdict = verdict.unwrap();
        if let Verdict::Wait { .. } = verdict {
            self.exchange.begin_waiting();
        }
        verdict
    }

    #[track_caller]
    fn waits(&mut self) -> Timestamp {
        match self.ask() {
            Verdict::Wait { until } => until,
            other => panic!("{other:?}"),
        }
    }

    /// Status and reason of the refusal, or 200; after what is told of limits to the client.
    fn outcome(&mut self) -> (u16, String) {
        match self.ask() {
            Verdict::Continue => (200, String::new()),
            Verdict::Deny(reply) => {
                let details = reply.details.strip_prefix("gatehouse.rate_limit.");
                (reply.status, details.unwrap().to_owned())
            }
            other => panic!("{other:?}"),
        }
    }

    /// The headers that a response gets.
    fn told(&mut self) -> Vec<(String, String)> {
        self.exchange.end_request_phase();
        let mut snapshot = None;
        self.worker.host.respond([(":status", &b"200"[..])]);
        let mut response = Response::new(&self.worker.host, &self.exchange, &mut snapshot);
        self.worker
            .filter
            .response(&mut response, &mut self.pending)
            .unwrap();
        let headers = self.worker.host.response_headers().into_iter();
        headers.filter(|(name, _)| name != ":status").collect()
    }
}

/// 100 a minute, so much of it left, and whole again in 30 seconds.
fn status(code: i32, limit_remaining: u32) -> DescriptorStatus {
    DescriptorStatus {
        code,
        current_limit: Some(CurrentLimit {
            requests_per_unit: 100,
            unit: 2,
        }),
        limit_remaining,
        duration_until_reset: Some(Reset {
            seconds: 30,
            nanos: 0,
        }),
    }
}

fn ok(remaining: &[u32]) -> RateLimitResponse {
    RateLimitResponse {
        overall_code: CODE_OK,
        statuses: remaining
            .iter()
            .map(|left| status(CODE_OK, *left))
            .collect(),
    }
}

fn over(codes: &[i32]) -> RateLimitResponse {
    RateLimitResponse {
        overall_code: CODE_OVER_LIMIT,
        statuses: codes.iter().map(|code| status(*code, 0)).collect(),
    }
}

fn global(limits: Value, more: Value) -> Value {
    let mut store = json!({"cluster": "ratelimit", "domain": "gatehouse"});
    for (key, value) in more.as_object().unwrap() {
        store[key] = value.clone();
    }
    json!({"limits": limits, "store": {"global": store}})
}

/// 100 a minute by `x-tenant`.
fn by_tenant(name: &str, changes: Value) -> Value {
    let mut limit = json!({"name": name, "key": [{"header": "x-tenant"}], "rate": "100/1m"});
    for (key, value) in changes.as_object().unwrap() {
        limit[key] = value.clone();
    }
    limit
}

fn plain(more: Value) -> Worker {
    Worker::alone(&global(json!([by_tenant("a", json!({}))]), more))
}

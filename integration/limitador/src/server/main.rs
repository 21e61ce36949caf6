//! Limitador's engine with its counters in Redis, behind Envoy's RateLimitService: for tests.
//!
//! ```text
//! gatehouse-limitador ADDRESS REDIS-URL LIMITS-FILE [--statuses]
//! ```
//!
//! Answers as Limitador's own server does: with `overall_code` and nothing else. With `--statuses` it says of a question about
//! one thing what is left and until when, as envoyproxy/ratelimit does.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "native test machinery: it has arguments and an output"
)]

mod storage;

use std::net::SocketAddr;

use gatehouse_integration::{RateLimitServer, Reply};
use gatehouse_rate_limit_service::{
    CODE_OK, CODE_OVER_LIMIT, DescriptorStatus, Duration, Limit as CurrentLimit, RateLimitRequest,
    RateLimitResponse,
};
use limitador::counter::Counter;
use limitador::limit::{Context, Limit};
use limitador::storage::Storage;
use limitador::{RateLimiter, RateLimiterBuilder};
use storage::RedisCounters;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, redis, limits, rest @ ..] = &*arguments else {
        panic!("usage: gatehouse-limitador ADDRESS REDIS-URL LIMITS-FILE [--statuses]");
    };
    let address: SocketAddr = address.parse().expect("an address");
    let limits = std::fs::read_to_string(limits).expect("the file of limits");
    let limits: Vec<Limit> = serde_yaml_ng::from_str(&limits).expect("limits of Limitador");
    let storage = Storage::with_counter_storage(Box::new(RedisCounters::open(redis)));
    let limiter = RateLimiterBuilder::with_storage(storage).build();
    for limit in limits {
        limiter.add_limit(limit);
    }
    let with_statuses = rest.iter().any(|option| option == "--statuses");
    let server = RateLimitServer::listen(address, move |question| {
        decide(&limiter, &question, with_statuses)
    });
    println!(
        "{}",
        server.as_ref().expect("the address is free").address()
    );
    loop {
        std::thread::park();
    }
}

/// As `limitador-server/src/envoy_rls/server.rs`.
fn decide(limiter: &RateLimiter, question: &RateLimitRequest, with_statuses: bool) -> Reply {
    let descriptors = question.descriptors.iter().map(|descriptor| {
        let entries = descriptor.entries.iter();
        entries
            .map(|entry| (entry.key.clone(), entry.value.clone()))
            .collect()
    });
    let mut context = Context::default();
    context.list_binding("descriptors".to_owned(), descriptors.collect());
    let cost = u64::from(question.hits_addend.max(1));
    let domain = question.domain.as_str().into();
    // Where Redis is gone this panics, which is UNAVAILABLE; where an expression cannot be evaluated, Limitador
    // answers the same.
    let Ok(result) = limiter.check_rate_limited_and_update(&domain, &context, cost) else {
        return Reply::Status(14);
    };
    let overall_code = match result.limited {
        true => CODE_OVER_LIMIT,
        false => CODE_OK,
    };
    let statuses = match (&*result.counters, question.descriptors.len(), with_statuses) {
        ([counter], 1, true) => vec![status(overall_code, counter)],
        _ => Vec::new(),
    };
    Reply::Answer(RateLimitResponse {
        overall_code,
        statuses,
    })
}

fn status(code: i32, counter: &Counter) -> DescriptorStatus {
    let unit = match counter.limit().seconds() {
        1 => 1,
        60 => 2,
        3_600 => 3,
        86_400 => 4,
        _ => 0,
    };
    let number = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    DescriptorStatus {
        code,
        current_limit: Some(CurrentLimit {
            requests_per_unit: number(counter.max_value()),
            unit,
        }),
        limit_remaining: number(counter.remaining().unwrap_or_default()),
        duration_until_reset: counter.expires_in().map(|left| Duration {
            seconds: i64::try_from(left.as_millis().div_ceil(1_000)).unwrap_or(i64::MAX),
            nanos: 0,
        }),
    }
}

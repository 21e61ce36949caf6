//! The filter over the fake host.

mod answers;
mod bills;
mod concurrency;
mod costs;
mod documents;
mod global;
mod hostile;
mod interleavings;
mod keys;
mod legacy;
mod parts;
mod patterns;
mod recipes;
mod schedules;
mod table;
mod windows;

use crate::store::{Bucket, Charged, Failure};
use crate::{Filter, Pending};
use gatehouse_host::{
    ConfigureError, Consumer, Exchange, HttpFilter as _, LocalReply, Module as _, Request,
    Response, Result, Verdict,
};
use gatehouse_host_fake::{FakeHost, Shared};
use gatehouse_limit_config::{Allowance, Config};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A worker of the proxy with the filter in it.
struct Worker {
    host: FakeHost,
    filter: Filter,
}

/// What became of a request.
#[derive(Debug, PartialEq)]
struct Answer {
    verdict: Verdict,
    /// As the client sees them; those that the upstream sent are among them.
    headers: Vec<(String, String)>,
}

impl Worker {
    fn new(shared: &Shared, config: &Value) -> Self {
        Self::try_new(shared, config).unwrap()
    }

    fn try_new(shared: &Shared, config: &Value) -> std::result::Result<Self, ConfigureError> {
        let host = FakeHost::new(shared.clone());
        let bytes = config.to_string();
        let filter = Filter::configure(bytes.as_bytes(), &|_: &str| None, &host)?;
        Ok(Self { host, filter })
    }

    /// The only worker of a proxy.
    fn alone(config: &Value) -> Self {
        Self::new(&Shared::default(), config)
    }

    /// A request with one header, whose key all tests use that do not care for keys.
    fn request(&self, tenant: &str) -> Answer {
        self.send(&[("x-tenant", tenant.as_bytes())], |_| {})
    }

    /// A request with these headers, and its response from the upstream if it gets there.
    fn send(&self, headers: &[(&str, &[u8])], prepare: impl FnOnce(&FakeHost)) -> Answer {
        self.try_send(headers, prepare).unwrap()
    }

    /// A request that goes on until [`HttpFilter::ended`] is called with what it leaves.
    ///
    /// # Errors
    /// Where it is refused.
    fn open(&self, tenant: &str) -> std::result::Result<Pending, ()> {
        let mut pending = Pending::default();
        match self.ask(tenant, &mut pending) {
            true => Ok(pending),
            false => Err(()),
        }
    }

    /// Whether a request of this tenant goes on.
    fn ask(&self, tenant: &str, pending: &mut Pending) -> bool {
        self.host.begin([("x-tenant", tenant.as_bytes())]);
        let mut exchange = Exchange::default();
        let mut request = Request::new(&self.host, &mut exchange);
        let verdict = self.filter.request(&mut request, pending);
        verdict.unwrap() == Verdict::Continue
    }

    fn try_send(
        &self,
        headers: &[(&str, &[u8])],
        prepare: impl FnOnce(&FakeHost),
    ) -> Result<Answer> {
        self.host.begin(headers.iter().copied());
        prepare(&self.host);
        let mut exchange = Exchange::default();
        let mut pending = Pending::default();
        let mut request = Request::new(&self.host, &mut exchange);
        let verdict = self.filter.request(&mut request, &mut pending)?;
        if let Verdict::Deny(reply) = &verdict {
            let headers = reply.headers.iter();
            self.host
                .respond(headers.map(|(name, value)| (&**name, &**value)));
        }
        exchange.end_request_phase();
        let mut snapshot = None;
        let mut response = Response::new(&self.host, &exchange, &mut snapshot);
        self.filter.response(&mut response, &mut pending)?;
        Ok(Answer {
            verdict,
            headers: self.host.response_headers(),
        })
    }

    /// How many of so many requests at once are admitted.
    fn admitted(&self, tenant: &str, requests: usize) -> usize {
        (0..requests)
            .filter(|_| self.request(tenant).is_admitted())
            .count()
    }

    /// The counters of one limit, without what all names have in common.
    fn counts(&self, limit: &str) -> BTreeMap<String, u64> {
        let suffix = format!(".limit.{limit}");
        let counters = self.host.counters().into_iter();
        let of_limit = counters.filter_map(|(name, count)| {
            let what = name.strip_prefix("gatehouse.rate_limit.")?;
            Some((what.strip_suffix(&suffix)?.to_owned(), count))
        });
        of_limit.collect()
    }
}

impl Answer {
    fn is_admitted(&self) -> bool {
        self.verdict == Verdict::Continue
    }

    fn reply(&self) -> &LocalReply {
        match &self.verdict {
            Verdict::Deny(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    /// Status, details and the client's detail of a refusal.
    fn refusal(&self) -> (u16, String, String) {
        let reply = self.reply();
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        let detail = body["detail"].as_str().unwrap().to_owned();
        (reply.status, reply.details.clone(), detail)
    }

    fn header(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(key, _)| key == name);
        named.map(|(_, value)| &**value).collect()
    }
}

/// One limit by the header `x-tenant`, one request a minute, three at once; with what is given put
/// in place of that.
fn limit(name: &str, changes: Value) -> Value {
    let mut limit = json!({
        "name": name, "key": [{"header": "x-tenant"}], "rate": "1/1m", "burst": 3,
    });
    for (key, value) in changes.as_object().unwrap() {
        limit[key] = value.clone();
        if value.is_null() {
            limit.as_object_mut().unwrap().remove(key);
        }
    }
    limit
}

fn one(changes: Value) -> Value {
    json!({"limits": [limit("a", changes)]})
}

/// Checks and charges.
fn charge<'l>(
    bucket: &mut Bucket,
    allowance: &'l Allowance,
    cost: u64,
    host: &FakeHost,
) -> std::result::Result<Charged<'l>, Failure> {
    let found = bucket.check(allowance, cost, host)?;
    Ok(bucket.charge(found, allowance, cost, host)?)
}

/// What such a limit gives each key.
fn allowance(changes: Value) -> Allowance {
    let config: Config = gatehouse_config::load_value(&one(changes), &|_: &str| None).unwrap();
    (*config.limits[0].allowance).clone()
}

fn counts<const N: usize>(expected: [(&str, u64); N]) -> BTreeMap<String, u64> {
    let owned = expected.map(|(what, count)| (what.to_owned(), count));
    owned.into_iter().collect()
}

/// What the auth filter of a module before this one leaves.
fn identity(provider: &str, name: &str) -> Vec<u8> {
    let consumer = Consumer {
        name: name.to_owned(),
        provider: provider.to_owned(),
        ..Consumer::default()
    };
    consumer.to_json()
}

//! What the limits find out about a request, before any of them is charged.
//!
//! Of each limit, in this order: whether it applies; what the service has told, if it was asked; the key; what the
//! request costs; and whether there is room, in the table of this Envoy or of what is leased.

use super::{Filter, InForce};
use crate::cost;
use crate::decision::Finding;
use crate::global::Asked;
use crate::key::{self, NoKey};
use crate::stats::Cause;
use crate::store::{Bucket, Failure, host_failed};
use gatehouse_host::Request;
use gatehouse_limit_config::IfAbsent;
use gatehouse_request_match::Subject;
use gatehouse_trace::{because, trace};

impl Filter {
    /// The limits that can be about a request, in their order; maybe more.
    pub(super) fn candidates<'l>(
        &'l self,
        subject: &mut Subject,
        request: &mut Request<'_>,
    ) -> impl Iterator<Item = &'l InForce> + use<'l> {
        let (found, all) = match self.index.candidates(subject, request) {
            Ok(found) => (Some(found), 0..0),
            // Each that needs what the host does not hand over fails by itself.
            Err(_) => (None, 0..self.limits.len()),
        };
        let places = found.into_iter().flatten().chain(all);
        places.filter_map(|place| self.limits.get(place))
    }

    /// Whether a limit applies to a request.
    fn applies(
        in_force: &InForce,
        subject: &mut Subject,
        request: &mut Request<'_>,
    ) -> std::result::Result<bool, Failure> {
        let matched = in_force.limit.matches.matches(subject, request);
        matched.map_err(|error| match subject.take_failed_expression() {
            true => Failure::Host(Cause::ExpressionFailed, error),
            false => host_failed(error),
        })
    }

    /// What a limit that applies finds out about a request, without charging it; nothing where it does not apply
    /// after all.
    fn check<'l>(
        &self,
        in_force: &'l InForce,
        subject: &mut Subject,
        request: &mut Request<'_>,
        asked: Option<&Asked>,
    ) -> std::result::Result<Option<Finding<'l>>, Failure> {
        let limit = &in_force.limit;
        let told = asked.and_then(|asked| asked.of(in_force.place));
        // What the request itself is like was counted before it waited.
        let counts = asked.is_none_or(Asked::is_new);
        if let (Some(global), Some(told)) = (&self.global, told)
            && let Some(finding) = told.finding(in_force, global, subject, request)
        {
            return Ok(Some(finding));
        }
        let mut hasher = in_force.hasher;
        let empty_if_missing = limit.if_absent == IfAbsent::Empty;
        let written = key::write_parts(
            &limit.key,
            &limit.matches,
            empty_if_missing,
            subject,
            request,
            &mut hasher,
        );
        match written.map_err(host_failed)? {
            Ok(()) => {}
            Err(NoKey::Missing(_part)) if limit.if_absent == IfAbsent::Skip => {
                because!("the request has no {_part}");
                return Ok(None);
            }
            Err(no_key) => {
                if counts {
                    in_force.stats.count_cause(no_key.cause(), request.host());
                }
                return Ok(Some(Finding::NoKey(no_key)));
            }
        }
        let allowance = limit.allowance_for(subject, request).map_err(host_failed)?;
        let now = request.now().map_err(host_failed)?.as_nanos();
        let address = in_force.address(&self.table, &hasher);
        let bill = cost::up_front(&limit.cost, request).map_err(host_failed)?;
        let count_doubt = || {
            if let (Some(stats), Some(doubt), true) = (&in_force.cost_stats, bill.doubt, counts) {
                stats.count_doubt(doubt, request.host());
            }
        };
        if let (Some(global), None) = (&self.global, told) {
            count_doubt();
            let looked = global.look(allowance, bill.cost, address, now, request.host());
            return looked.map(Some);
        }
        let mut bucket = Bucket::read(address, now, request.host())?;
        let found = bucket.check(&**allowance, bill.cost, request.host())?;
        Ok(Some(match found.decision.refused {
            None => {
                // What is refused costs nothing.
                count_doubt();
                Finding::Room(allowance, bucket, bill.cost, found)
            }
            Some(_) => Finding::of(found),
        }))
    }

    /// What all that apply find out, in their order.
    pub(super) fn findings<'l>(
        &'l self,
        subject: &mut Subject,
        request: &mut Request<'_>,
        mut asked: Option<&mut Asked>,
    ) -> Vec<(&'l InForce, Finding<'l>)> {
        let mut findings = Vec::new();
        for in_force in self.candidates(subject, request) {
            let known = asked.as_ref().and_then(|asked| asked.applies(in_force));
            let applies = known.unwrap_or_else(|| Self::applies(in_force, subject, request));
            if let (Some(asked), None) = (&mut asked, known) {
                asked.note_applies(in_force, applies);
            }
            let found = match applies {
                Ok(true) => self.check(in_force, subject, request, asked.as_deref()),
                Ok(false) => Ok(None),
                Err(failure) => Err(failure),
            };
            match found {
                Ok(None) => {
                    trace!(("limit {}", in_force.limit.name), ("does not apply"));
                }
                Ok(Some(finding)) => findings.push((in_force, finding)),
                // It was counted before the request waited.
                Err(failure) if known.is_some_and(|applies| applies.is_err()) => {
                    findings.push((in_force, Finding::Failed(failure)));
                }
                Err(failure) => findings.push((in_force, in_force.failed(failure, request.host()))),
            }
        }
        findings
    }
}

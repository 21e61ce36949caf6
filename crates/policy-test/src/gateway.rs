//! The filters of a chain, running, and what becomes of a request in them.
//!
//! 1. Each filter is started in a VM of its own, and runs for a while before the first request.
//! 2. A request passes them in their order, and its answer in the other one ([`passage`]).
//! 3. What was counted on the way is the difference to what was counted before ([`counts`]).

mod counts;
mod passage;

use crate::callout::Answers;
use crate::case::{Request, UpstreamAnswer};
use crate::chain::{Chain, Plugin};
use crate::modules::Modules;
use crate::outcome::Outcome;
use crate::services::Services;
use counts::Counts;
use gatehouse_testkit::{Envoy, Stream};
use passage::Passage;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How long the filters run before the first request: what they fetch ahead of time is there then.
const WARM_UP: Duration = Duration::from_secs(2);

/// The filters of a chain, each in a VM of its own, and the services that they ask.
pub(crate) struct Gateway {
    envoys: Vec<Envoy>,
    services: Services,
}

impl Gateway {
    /// Starts the filters so that they have run for a while at `time`, in nanoseconds since the epoch.
    pub(crate) fn start(
        chain: &Chain,
        modules: &Modules,
        environment: &[(String, String)],
        answers: &[(String, Arc<Answers>)],
        time: u64,
    ) -> Result<Self, String> {
        let mut clusters: BTreeSet<String> = BTreeSet::new();
        match &chain.clusters {
            Some(there) => clusters.extend(there.iter().cloned()),
            None => {
                clusters.extend(chain.named_clusters());
                clusters.extend(answers.iter().map(|(cluster, _)| cluster.clone()));
            }
        }
        let time = Duration::from_nanos(time);
        let begin = time.saturating_sub(WARM_UP);
        let envoys = chain
            .plugins
            .iter()
            .map(|plugin| start(plugin, modules, environment, &clusters, begin))
            .collect::<Result<Vec<_>, _>>()?;
        let mut services = Services::new(clusters, envoys.len());
        services.answer_with(answers, &envoys);
        services.advance_to(time, &envoys);
        Ok(Self { envoys, services })
    }

    /// Lets time pass up to `time`, in nanoseconds since the epoch, with services that answer so.
    pub(crate) fn advance_to(&mut self, time: u64, answers: &[(String, Arc<Answers>)]) {
        self.services.answer_with(answers, &self.envoys);
        self.services
            .advance_to(Duration::from_nanos(time), &self.envoys);
    }

    /// Sends a request through the filters, and the answer of upstream back.
    pub(crate) fn send(&mut self, request: &Request, upstream: &UpstreamAnswer) -> Outcome {
        let Self { envoys, services } = self;
        services.counted.clear();
        let before = Counts::of(envoys);
        let mut passage = Passage {
            envoys,
            services,
            streams: Vec::new(),
            filter_state: BTreeMap::new(),
        };
        let mut outcome = passage.run(request, upstream);
        let mut streams = std::mem::take(&mut passage.streams);
        drop(passage);
        streams.iter_mut().for_each(Stream::end);
        let stream_calls: usize = streams.iter().map(Stream::host_calls).sum();
        let after = Counts::of(envoys);
        outcome.host_calls = u64::try_from(stream_calls).unwrap_or(u64::MAX)
            + after.answer_calls.saturating_sub(before.answer_calls);
        outcome.metrics = after
            .metrics
            .into_iter()
            .map(|(name, value)| {
                let earlier = before.metrics.get(&name).copied().unwrap_or_default();
                (name, value.saturating_sub(earlier))
            })
            .collect();
        outcome.log = envoys
            .iter()
            .zip(before.logged)
            .flat_map(|(envoy, logged)| envoy.logs().into_iter().skip(logged))
            .map(|line| line.text)
            .collect();
        outcome.callouts = services.take_counted();
        outcome.unanswered = std::mem::take(&mut services.unanswered);
        outcome
    }
}

fn start(
    plugin: &Plugin,
    modules: &Modules,
    environment: &[(String, String)],
    clusters: &BTreeSet<String>,
    begin: Duration,
) -> Result<Envoy, String> {
    let module = modules.of(plugin)?;
    let mut builder = Envoy::builder(&module)
        .name(&plugin.name)
        .root_id(&plugin.root_id)
        .vm_id(&plugin.vm_id)
        .vm_configuration(&plugin.vm_configuration)
        .configuration(plugin.configuration.to_string())
        .allow_on_headers_stop_iteration(plugin.allow_on_headers_stop_iteration)
        .clusters(clusters.iter().map(String::as_str))
        .clock(begin);
    for (name, value) in environment {
        let seen = plugin
            .environment
            .as_ref()
            .is_none_or(|environment| environment.host_keys.contains(name));
        if seen {
            builder = builder.environment(name, value);
        }
    }
    for (name, value) in plugin
        .environment
        .iter()
        .flat_map(|environment| &environment.key_values)
    {
        builder = builder.environment(name, value);
    }
    builder.build().map_err(|error| error.to_string())
}

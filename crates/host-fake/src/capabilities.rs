//! The host traits over [`FakeHost`], each call counted under its ABI name.

use crate::{FakeHost, SentCallout, SentGrpcCallout};
use gatehouse_host::{
    Bodies, Callout, CalloutId, Callouts, Cas, Clock, Counter, Entropy, Expression, Expressions,
    GrpcCallout, HeaderMap, HeaderMaps, Headers, HostError, Level, LocalReplies, LocalReply, Log,
    Metrics, Properties, Result, SharedData, Signatures, Status, Timestamp,
};
use gatehouse_inline_headers::{Of, joined};

impl FakeHost {
    pub(crate) fn call(&self, call: &'static str) -> Result<()> {
        *self.calls.borrow_mut().entry(call).or_default() += 1;
        match self.failing.borrow().get(call) {
            Some(status) => Err(HostError {
                call,
                status: *status,
            }),
            None => Ok(()),
        }
    }
}

impl Clock for FakeHost {
    fn now(&self) -> Result<Timestamp> {
        self.call("proxy_get_current_time_nanoseconds")?;
        Ok(Timestamp::from_nanos(self.now.get()))
    }
}

impl Log for FakeHost {
    fn log(&self, level: Level, message: &str) {
        if self.call("proxy_log").is_ok() {
            self.log.borrow_mut().push(format!("{level:?}: {message}"));
        }
    }
}

impl Metrics for FakeHost {
    fn define_counter(&self, name: &str) -> Result<Counter> {
        self.call("proxy_define_metric")?;
        let mut counters = self.counters.borrow_mut();
        let position = counters
            .iter()
            .position(|(known, _)| known == name)
            .unwrap_or_else(|| {
                counters.push((name.to_owned(), 0));
                counters.len() - 1
            });
        Ok(Counter(u32::try_from(position).unwrap_or(u32::MAX)))
    }

    fn increment(&self, counter: Counter, by: u64) {
        if self.call("proxy_increment_metric").is_ok() {
            let mut counters = self.counters.borrow_mut();
            let (_, count) = counters
                .get_mut(counter.0 as usize)
                .expect("the counter is defined");
            *count += by;
        }
    }
}

impl SharedData for FakeHost {
    fn shared(&self, key: &str) -> Result<Option<(Vec<u8>, Cas)>> {
        self.call("proxy_get_shared_data")?;
        Ok(self.shared.read(key))
    }

    fn swap_shared(&self, key: &str, value: &[u8], cas: Cas) -> Result<bool> {
        self.call("proxy_set_shared_data")?;
        Ok(self.swap(key, value, cas))
    }
}

impl HeaderMaps for FakeHost {
    fn header_pairs(&self, map: HeaderMap) -> Result<Vec<u8>> {
        self.call("proxy_get_header_map_pairs")?;
        Ok(serialized(&self.map(map).borrow()))
    }

    fn set_header(&self, map: HeaderMap, name: &str, value: &[u8]) -> Result<()> {
        self.call("proxy_replace_header_map_value")?;
        self.map(map).borrow_mut().set(name, value);
        Ok(())
    }

    fn append_header(&self, map: HeaderMap, name: &str, value: &[u8]) -> Result<()> {
        self.call("proxy_add_header_map_value")?;
        let mut headers = self.map(map).borrow_mut();
        let of = match map {
            HeaderMap::Request => Of::Request,
            HeaderMap::Response => Of::Response,
            HeaderMap::RequestTrailers | HeaderMap::ResponseTrailers => Of::Trailers,
        };
        let present = headers.all(name).next().filter(|_| of.keeps_one(name));
        match present.map(|present| joined(present, value)) {
            Some(value) => headers.set(name, &value),
            None => headers.append(name, value),
        }
        Ok(())
    }

    fn remove_header(&self, map: HeaderMap, name: &str) -> Result<()> {
        self.call("proxy_remove_header_map_value")?;
        self.map(map).borrow_mut().remove(name);
        Ok(())
    }
}

impl Properties for FakeHost {
    fn property(&self, path: &[&str]) -> Result<Option<Vec<u8>>> {
        self.call("proxy_get_property")?;
        Ok(self.property_value(&path.join(".")))
    }

    fn set_property(&self, name: &str, value: &[u8]) -> Result<()> {
        self.call("proxy_set_property")?;
        self.property_is(name, value);
        Ok(())
    }
}

impl LocalReplies for FakeHost {
    fn send_local_reply(&self, reply: &LocalReply) -> Result<()> {
        self.call("proxy_send_local_response")?;
        self.replies.borrow_mut().push(reply.clone());
        Ok(())
    }
}

impl Entropy for FakeHost {
    /// The same bytes in every run: a test says what it expects.
    fn fill_random(&self, bytes: &mut [u8]) -> Result<()> {
        self.call("random_get")?;
        for byte in bytes {
            let next = self
                .random
                .get()
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            self.random.set(next);
            *byte = next.to_be_bytes()[0];
        }
        Ok(())
    }
}

impl Signatures for FakeHost {
    fn verify_signature(
        &self,
        hash: &str,
        spki_der: &[u8],
        signature: &[u8],
        message: &[u8],
    ) -> Result<bool> {
        const CALL: &str = "proxy_call_foreign_function";
        self.call(CALL)?;
        match &*self.verifier.borrow() {
            Some(verifier) => Ok(verifier(hash, spki_der, signature, message)),
            None => Err(HostError {
                call: CALL,
                status: Status::Code(1),
            }),
        }
    }
}

fn serialized(headers: &Headers) -> Vec<u8> {
    let length = |length: usize| {
        u32::try_from(length)
            .expect("a test's header fits")
            .to_le_bytes()
    };
    let mut bytes = length(headers.len()).to_vec();
    for (name, value) in headers.iter() {
        bytes.extend(length(name.len()));
        bytes.extend(length(value.len()));
    }
    for (name, value) in headers.iter() {
        for part in [name, value] {
            bytes.extend_from_slice(part);
            bytes.push(0);
        }
    }
    bytes
}

impl Callouts for FakeHost {
    fn call_out(&self, callout: &Callout) -> Result<CalloutId> {
        self.call("proxy_http_call")?;
        let id = self.next_callout();
        let callout = callout.clone();
        self.callouts.borrow_mut().push(SentCallout { id, callout });
        Ok(id)
    }

    fn call_grpc(&self, callout: &GrpcCallout) -> Result<CalloutId> {
        self.call("proxy_grpc_call")?;
        let id = self.next_callout();
        let callout = callout.clone();
        self.grpc_callouts
            .borrow_mut()
            .push(SentGrpcCallout { id, callout });
        Ok(id)
    }

    fn grpc_message(&self, most: usize) -> Result<Vec<u8>> {
        self.call("proxy_get_buffer_bytes")?;
        Ok(first(&self.grpc_answer.borrow().0, most))
    }

    fn grpc_status_text(&self) -> Result<Vec<u8>> {
        self.call("proxy_get_status")?;
        Ok(self.grpc_answer.borrow().1.clone().into_bytes())
    }

    fn answer_headers(&self) -> Result<Vec<u8>> {
        self.call("proxy_get_header_map_pairs")?;
        Ok(serialized(&self.answer.borrow().0))
    }

    fn answer_body(&self, most: usize) -> Result<Vec<u8>> {
        self.call("proxy_get_buffer_bytes")?;
        Ok(first(&self.answer.borrow().1, most))
    }
}

impl Bodies for FakeHost {
    fn request_body(&self, most: usize) -> Result<Vec<u8>> {
        self.call("proxy_get_buffer_bytes")?;
        Ok(first(&self.body.borrow(), most))
    }

    fn response_body(&self, start: usize, length: usize) -> Result<Vec<u8>> {
        self.call("proxy_get_buffer_bytes")?;
        let chunk = self.chunk.borrow();
        let rest = chunk.get(start..).unwrap_or_default();
        Ok(first(rest, length))
    }
}

pub(crate) fn first(bytes: &[u8], most: usize) -> Vec<u8> {
    bytes.iter().copied().take(most).collect()
}

impl Expressions for FakeHost {
    /// What is no expression here: a text with unbalanced parentheses, or none.
    fn compile(&self, expression: &str) -> Result<Expression> {
        const CALL: &str = "proxy_call_foreign_function";
        self.call(CALL)?;
        let count = |which| expression.matches(which).count();
        if expression.is_empty() || count('(') != count(')') {
            return Err(HostError {
                call: CALL,
                status: Status::Code(2),
            });
        }
        let mut expressions = self.expressions.borrow_mut();
        let known = expressions
            .iter()
            .position(|(known, _)| known == expression);
        let number = known.unwrap_or_else(|| {
            expressions.push((expression.to_owned(), None));
            expressions.len() - 1
        });
        Ok(Expression(u32::try_from(number).unwrap_or(u32::MAX)))
    }

    fn holds(&self, expression: Expression) -> Result<bool> {
        const CALL: &str = "proxy_call_foreign_function";
        self.call(CALL)?;
        let expressions = self.expressions.borrow();
        let known = expressions.get(expression.0 as usize);
        known.and_then(|(_, holds)| *holds).ok_or(HostError {
            call: CALL,
            status: Status::Code(10),
        })
    }
}

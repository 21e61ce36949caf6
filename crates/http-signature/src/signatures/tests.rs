use super::*;
use crate::ComponentError;
use crate::message::Message;

/// Labels, or why there are none.
type Labels<'c> = Result<&'c [&'c str], Refusal>;
/// A name, the lines of `Signature-Input` and of `Signature`.
type Headers<'c> = (&'c str, &'c [&'c [u8]], &'c [&'c [u8]], Labels<'c>);
/// A name, the message, the label asked for, the key that fits.
type Choice<'c> = (&'c str, &'c Message, Option<&'c str>, &'c str, Labels<'c>);

/// With these lines of the two headers.
fn message(inputs: &[&[u8]], signatures: &[&[u8]]) -> Message {
    let mut message = Message::parse("GET / HTTP/1.1\nHost: a\n");
    for line in inputs {
        message = message.with("Signature-Input", line);
    }
    for line in signatures {
        message = message.with("Signature", line);
    }
    message
}

fn labels(message: &Message) -> Result<Vec<String>, Refusal> {
    let signatures = message.signatures()?;
    Ok(signatures.labels().map(str::to_owned).collect())
}

#[test]
fn headers_are_read_whole_or_not() {
    use Refusal::*;
    let long = format!("a=();nonce=\"{}\"", "x".repeat(MAX_HEADER_BYTES));
    let half = format!("a=();nonce=\"{}\"", "x".repeat(MAX_HEADER_BYTES / 2));
    let other = half.replace("a=", "b=");
    #[rustfmt::skip]
    let cases: &[Headers<'_>] = &[
        ("one", &[b"a=()"], &[b"a=:AA==:"], Ok(&["a"])),
        ("two in a line", &[b"a=(), b=()"], &[b"b=:AA==:,a=:AQ==:"], Ok(&["a", "b"])),
        ("two lines", &[b"b=()", b"a=()"], &[b"a=:AA==:", b"b=:AQ==:"], Ok(&["b", "a"])),
        ("whitespace around", &[b" \ta=() \t"], &[b"\ta=:AA==:\t"], Ok(&["a"])),
        ("an empty line beside", &[b"", b"a=()"], &[b"a=:AA==:", b" "], Ok(&["a"])),
        ("five", &[b"a=(),b=(),c=(),d=(),e=()"], &[b"a=:AA==:,b=:AA==:,c=:AA==:,d=:AA==:,e=:AA==:"], Ok(&["a", "b", "c", "d", "e"])),
        ("neither", &[], &[], Err(NotSigned)),
        ("both empty", &[b""], &[b" "], Err(NotSigned)),
        ("input alone", &[b"a=()"], &[], Err(HalfSigned)),
        ("signature alone", &[], &[b"a=:AA==:"], Err(HalfSigned)),
        ("input empty", &[b""], &[b"a=:AA==:"], Err(LabelUnmatched)),
        ("input missing", &[b"a=()"], &[b"a=:AA==:, b=:AA==:"], Err(LabelUnmatched)),
        ("signature missing", &[b"a=(), b=()"], &[b"a=:AA==:"], Err(LabelUnmatched)),
        ("other labels", &[b"a=()"], &[b"b=:AA==:"], Err(LabelUnmatched)),
        ("a label twice in a line", &[b"a=(), a=()"], &[b"a=:AA==:"], Err(LabelRepeated)),
        ("a label twice, alike", &[b"a=()", b"a=()"], &[b"a=:AA==:"], Err(LabelRepeated)),
        ("a label twice, differing", &[b"a=(\"@method\")", b"a=()"], &[b"a=:AA==:"], Err(LabelRepeated)),
        ("a signature twice", &[b"a=()"], &[b"a=:AA==:", b"a=:AQ==:"], Err(LabelRepeated)),
        ("six", &[b"a=(),b=(),c=(),d=(),e=(),f=()"], &[b"a=:AA==:"], Err(TooManySignatures)),
        ("six signatures", &[b"a=()"], &[b"a=?1,b=?1,c=?1,d=?1,e=?1,f=?1"], Err(TooManySignatures)),
        ("too long", &[long.as_bytes()], &[b"a=:AA==:"], Err(HeaderTooLong)),
        ("too long together", &[half.as_bytes(), other.as_bytes()], &[b"a=:AA==:"], Err(HeaderTooLong)),
        ("signature too long", &[b"a=()"], &[long.as_bytes()], Err(HeaderTooLong)),
        ("no dictionary", &[b"(\"@method\")"], &[b"a=:AA==:"], Err(HeaderMalformed)),
        ("a trailing comma", &[b"a=(),"], &[b"a=:AA==:"], Err(HeaderMalformed)),
        ("a label in upper case", &[b"Sig=()"], &[b"Sig=:AA==:"], Err(HeaderMalformed)),
        ("a list left open", &[b"a=(\"@method\""], &[b"a=:AA==:"], Err(HeaderMalformed)),
        ("a list over two lines", &[b"a=(\"@method\"", b"\"@path\")"], &[b"a=:AA==:"], Err(HeaderMalformed)),
        ("a tab within a list", &[b"a=(\"@method\"\t\"@path\")"], &[b"a=:AA==:"], Err(HeaderMalformed)),
        ("junk in base64", &[b"a=()"], &[b"a=:AA!=:"], Err(HeaderMalformed)),
        ("base64url", &[b"a=()"], &[b"a=:-_8=:"], Err(HeaderMalformed)),
        ("base64 with a space", &[b"a=()"], &[b"a=:AA ==:"], Err(HeaderMalformed)),
        ("bytes left open", &[b"a=()"], &[b"a=:AA=="], Err(HeaderMalformed)),
        ("a bare new line", &[b"a=();nonce=\"x\ny\""], &[b"a=:AA==:"], Err(HeaderMalformed)),
        ("not UTF-8", &[b"a=();nonce=\"\xff\""], &[b"a=:AA==:"], Err(HeaderMalformed)),
        ("NUL", &[b"a=()\0"], &[b"a=:AA==:"], Err(HeaderMalformed)),
        ("an integer of 16 digits", &[b"a=();created=1234567890123456"], &[b"a=:AA==:"], Err(HeaderMalformed)),
    ];
    for (name, inputs, signatures, expected) in cases {
        let labels = labels(&message(inputs, signatures));
        let expected =
            expected.map(|labels| labels.iter().map(|label| (*label).to_owned()).collect());
        assert_eq!(labels, expected, "{name}");
    }
}

#[test]
fn a_signature_is_refused_by_itself() {
    use Refusal::*;
    let many = |count: usize| {
        let names: Vec<_> = (0..count).map(|index| format!("\"h{index}\"")).collect();
        format!("({})", names.join(" "))
    };
    #[rustfmt::skip]
    let cases: &[(&str, &str, &str, Option<Refusal>)] = &[
        ("bytes without padding", "()", ":AA:", None),
        ("parameters of the signature are ignored", "()", ":AA==:;created=1", None),
        ("an unknown parameter", "();x=1;y", ":AA==:", None),
        ("the smallest time", "();created=0;expires=0", ":AA==:", None),
        ("the largest time", "();created=999999999999999", ":AA==:", None),
        ("as many components as allowed", &many(32), ":AA==:", None),
        ("one more", &many(33), ":AA==:", Some(TooManyComponents)),
        ("an item", "\"@method\"", ":AA==:", Some(InputNotAList)),
        ("a flag", "?1", ":AA==:", Some(InputNotAList)),
        ("a string", "()", "\"AA==\"", Some(SignatureNotBytes)),
        ("a token", "()", "AA", Some(SignatureNotBytes)),
        ("a list of bytes", "()", "(:AA==:)", Some(SignatureNotBytes)),
        ("no bytes", "()", "::", Some(SignatureEmpty)),
        ("created negative", "();created=-1", ":AA==:", Some(ParameterMalformed)),
        ("created a decimal", "();created=1.0", ":AA==:", Some(ParameterMalformed)),
        ("created a string", "();created=\"1\"", ":AA==:", Some(ParameterMalformed)),
        ("created a date", "();created=@1", ":AA==:", Some(ParameterMalformed)),
        ("created a flag", "();created", ":AA==:", Some(ParameterMalformed)),
        ("expires negative", "();expires=-999999999999999", ":AA==:", Some(ParameterMalformed)),
        ("nonce an integer", "();nonce=1", ":AA==:", Some(ParameterMalformed)),
        ("nonce bytes", "();nonce=:AA==:", ":AA==:", Some(ParameterMalformed)),
        ("keyid a token", "();keyid=k", ":AA==:", Some(ParameterMalformed)),
        ("tag a flag", "();tag", ":AA==:", Some(ParameterMalformed)),
        ("alg a token", "();alg=ed25519", ":AA==:", Some(ParameterMalformed)),
        ("alg unknown", "();alg=\"none\"", ":AA==:", Some(AlgorithmUnsupported)),
        ("alg in upper case", "();alg=\"ED25519\"", ":AA==:", Some(AlgorithmUnsupported)),
        ("alg empty", "();alg=\"\"", ":AA==:", Some(AlgorithmUnsupported)),
        ("a token for a component", "(date)", ":AA==:", Some(Component(ComponentError::NotAString))),
        ("upper case", "(\"Date\")", ":AA==:", Some(Component(ComponentError::NotAFieldName))),
        ("a pseudo-header", "(\":path\")", ":AA==:", Some(Component(ComponentError::NotAFieldName))),
        ("a response's", "(\"@status\")", ":AA==:", Some(Component(ComponentError::NotOfRequests))),
        ("itself", "(\"@signature-params\")", ":AA==:", Some(Component(ComponentError::NotOfRequests))),
        ("req", "(\"@method\";req)", ":AA==:", Some(Component(ComponentError::OfTheRequest))),
        ("tr", "(\"date\";tr)", ":AA==:", Some(Component(ComponentError::Trailer))),
        ("twice", "(\"date\" \"date\")", ":AA==:", Some(ComponentRepeated)),
        ("twice with other parameters is not twice", "(\"date\" \"date\";bs \"date\";sf)", ":AA==:", None),
        ("twice with parameters in another order", "(\"d\";key=\"a\";sf \"d\";sf;key=\"a\")", ":AA==:", Some(ComponentRepeated)),
        ("a member twice", "(\"d\";key=\"a\" \"d\";key=\"b\" \"d\";key=\"a\";sf)", ":AA==:", Some(ComponentRepeated)),
        ("a query parameter twice", "(\"@query-param\";name=\"a\" \"@query-param\";name=\"a\")", ":AA==:", Some(ComponentRepeated)),
        ("two query parameters", "(\"@query-param\";name=\"a\" \"@query-param\";name=\"b\")", ":AA==:", None),
    ];
    for (name, input, signature, expected) in cases {
        let alone = message(
            &[format!("a={input}").as_bytes()],
            &[format!("a={signature}").as_bytes()],
        );
        assert_eq!(alone.signature().err(), *expected, "{name}");

        // Beside another one, that one stands.
        let beside = message(
            &[format!("a={input}, b=();keyid=\"k\"").as_bytes()],
            &[format!("a={signature}, b=:AA==:").as_bytes()],
        );
        let signatures = beside.signatures().unwrap();
        let of_key = |signature: &Signature| signature.keyid.as_deref() == Some("k");
        let candidates = signatures.candidates(None, &of_key).unwrap();
        assert_eq!(candidates[0].label, "b", "{name}");
        assert_eq!(
            signatures.candidates(Some("a"), &of_key).err(),
            *expected,
            "{name}"
        );
    }
}

#[test]
fn candidates_are_chosen() {
    let input = b"a=();keyid=\"one\", b=();keyid=\"two\", c=();keyid=\"one\", d=();alg=\"none\"";
    let signature = b"a=:AA==:, b=:AA==:, c=:AA==:, d=:AA==:";
    let several = message(&[input], &[signature]);
    let alone = message(&[b"a=();keyid=\"one\""], &[b"a=:AA==:"]);
    #[rustfmt::skip]
    let cases: &[Choice<'_>] = &[
        ("by label, whatever the key", &several, Some("b"), "one", Ok(&["b"])),
        ("by a label that is not there", &several, Some("x"), "one", Err(Refusal::LabelUnknown)),
        ("by a label, which is refused", &several, Some("d"), "one", Err(Refusal::AlgorithmUnsupported)),
        ("by key", &several, None, "two", Ok(&["b"])),
        ("several by key, in order", &several, None, "one", Ok(&["a", "c"])),
        ("by no key", &several, None, "three", Err(Refusal::NoneFits)),
        ("the only one, whatever the key", &alone, None, "three", Ok(&["a"])),
        ("the only one has another label", &alone, Some("b"), "one", Err(Refusal::LabelUnknown)),
    ];
    for (name, message, label, key, expected) in cases {
        let signatures = message.signatures().unwrap();
        let fits = |signature: &Signature| signature.keyid.as_deref() == Some(*key);
        let chosen = signatures.candidates(*label, &fits);
        let chosen = chosen.map(|all| all.into_iter().map(|one| one.label.as_str()).collect());
        assert_eq!(chosen, expected.map(<[_]>::to_vec), "{name}");
    }
}

#[test]
fn a_signature_is_not_printed() {
    let signature = message(&[b"a=();keyid=\"k\""], &[b"a=:c2VjcmV0:"]).signature();
    let printed = format!("{:?}", signature.unwrap());
    assert_eq!(
        printed,
        r#"Signature { label: "a", input: "();keyid=\"k\"", .. }"#
    );
}

use super::ComponentError::*;
use super::*;

#[test]
fn identifiers_are_read() {
    #[rustfmt::skip]
    let cases: &[(&str, Result<&str, ComponentError>)] = &[
        ("@method", Ok(r#""@method""#)),
        ("@target-uri", Ok(r#""@target-uri""#)),
        ("@authority", Ok(r#""@authority""#)),
        ("@scheme", Ok(r#""@scheme""#)),
        ("@request-target", Ok(r#""@request-target""#)),
        ("@path", Ok(r#""@path""#)),
        ("@query", Ok(r#""@query""#)),
        ("content-digest", Ok(r#""content-digest""#)),
        (r#""content-digest""#, Ok(r#""content-digest""#)),
        (r#""content-digest";sf"#, Ok(r#""content-digest";sf"#)),
        (r#""content-digest"; sf=?1"#, Ok(r#""content-digest";sf"#)),
        (r#""content-digest";key="sha-256""#, Ok(r#""content-digest";key="sha-256""#)),
        (r#""cookie";bs"#, Ok(r#""cookie";bs"#)),
        (r#""@query-param";name="id""#, Ok(r#""@query-param";name="id""#)),
        (r#""@query-param";name="""#, Ok(r#""@query-param";name="""#)),
        ("!#$%&'*+-.^_`|~09az", Ok(r#""!#$%&'*+-.^_`|~09az""#)),
        // Not of requests.
        ("@status", Err(NotOfRequests)),
        ("@signature-params", Err(NotOfRequests)),
        (r#""@method";req"#, Err(OfTheRequest)),
        (r#""content-type";req"#, Err(OfTheRequest)),
        (r#""content-type";req=?0"#, Err(OfTheRequest)),
        (r#""expires";tr"#, Err(Trailer)),
        // No names.
        ("", Err(NotAFieldName)),
        (r#""""#, Err(NotAFieldName)),
        ("Content-Type", Err(NotAFieldName)),
        (r#""Content-Type""#, Err(NotAFieldName)),
        (":path", Err(NotAFieldName)),
        ("content type", Err(NotAFieldName)),
        (" date", Err(NotAFieldName)),
        ("date\n", Err(NotAFieldName)),
        ("da\u{301}te", Err(NotAFieldName)),
        ("@", Err(UnknownDerived)),
        ("@Method", Err(UnknownDerived)),
        ("@method ", Err(UnknownDerived)),
        ("@request-response", Err(UnknownDerived)),
        (r#""@method" "@path""#, Err(NotAString)),
        (r#""date"#, Err(NotAString)),
        (r#""date";"#, Err(NotAString)),
        // Parameters.
        (r#""@method";sf"#, Err(UnknownParameter)),
        (r#""@path";name="a""#, Err(UnknownParameter)),
        (r#""@query-param""#, Err(MissingName)),
        ("@query-param", Err(MissingName)),
        (r#""@query-param";name"#, Err(WrongParameterType)),
        (r#""@query-param";name=id"#, Err(WrongParameterType)),
        (r#""@query-param";name="a";x"#, Err(UnknownParameter)),
        (r#""date";name="a""#, Err(UnknownParameter)),
        (r#""date";x"#, Err(UnknownParameter)),
        (r#""date";sf=?0"#, Err(WrongParameterType)),
        (r#""date";sf=1"#, Err(WrongParameterType)),
        (r#""date";bs="""#, Err(WrongParameterType)),
        (r#""date";key"#, Err(WrongParameterType)),
        (r#""date";key=:AA==:"#, Err(WrongParameterType)),
        (r#""date";bs;sf"#, Err(Incompatible)),
        (r#""date";key="a";bs"#, Err(Incompatible)),
    ];
    for (text, expected) in cases {
        let parsed = Component::parse(text);
        let identifier = parsed.as_ref().map(Component::identifier);
        assert_eq!(identifier.map_err(|error| *error), *expected, "{text}");
    }
}

#[test]
fn equality_and_coverage() {
    #[rustfmt::skip]
    let cases: &[(&str, &str, bool, bool)] = &[
        // Covering, required: the same? covered?
        ("@method", "@method", true, true),
        ("@method", "@path", false, false),
        ("@target-uri", "@path", false, true),
        ("@target-uri", "@query", false, true),
        ("@target-uri", "@authority", false, true),
        ("@target-uri", "@scheme", false, true),
        ("@target-uri", r#""@query-param";name="a""#, false, true),
        ("@target-uri", "@method", false, false),
        ("@target-uri", "@request-target", false, false),
        ("@request-target", "@path", false, false),
        ("@path", "@target-uri", false, false),
        ("@query", r#""@query-param";name="a""#, false, true),
        (r#""@query-param";name="a""#, "@query", false, false),
        (r#""@query-param";name="a""#, r#""@query-param";name="b""#, false, false),
        ("date", "date", true, true),
        (r#""date";sf"#, "date", false, true),
        (r#""date";bs"#, "date", false, true),
        (r#""date";key="a""#, "date", false, false),
        ("date", r#""date";bs"#, false, false),
        (r#""date";sf"#, r#""date";bs"#, false, false),
        (r#""date";sf"#, "data", false, false),
        (r#""date";key="a";sf"#, r#""date";sf;key="a""#, true, true),
        (r#""date";key="a";sf"#, r#""date";key="a""#, true, true),
        (r#""date";key="a""#, r#""date";key="b""#, false, false),
    ];
    for (covering, required, same, covered) in cases {
        let left = Component::parse(covering).unwrap();
        let right = Component::parse(required).unwrap();
        assert_eq!(left == right, *same, "{covering} = {required}");
        assert_eq!(
            left.covers(&right),
            *covered,
            "{covering} covers {required}"
        );
    }
}

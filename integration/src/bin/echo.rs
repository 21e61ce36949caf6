//! `gatehouse-echo [--listen ADDRESS]`: the echo upstream on its own, see [`gatehouse_integration::echo`].

use std::net::SocketAddr;

use gatehouse_integration::Echo;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let address = match args.as_slice() {
        [] => "127.0.0.1:18080",
        ["--listen", address] => address,
        _ => fail("usage: gatehouse-echo [--listen 127.0.0.1:18080] (port 0: a free one)"),
    };
    let Ok(address) = address.parse::<SocketAddr>() else {
        fail(&format!(
            "{address:?} is not an address like 127.0.0.1:18080"
        ));
    };
    let served = Echo::listen(address).and_then(|echo| {
        println!("listening on {}", echo.address());
        echo.serve_until_signalled()
    });
    if let Err(error) = served {
        fail(&format!("can't serve on {address}: {error}"));
    }
}

fn fail(message: &str) -> ! {
    eprintln!("{message}");
    std::process::exit(1)
}

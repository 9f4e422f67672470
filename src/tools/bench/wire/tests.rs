use super::*;

#[actix_rt::test]
async fn both_roles_understand_each_other_at_every_length() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let server = async {
        let (socket, _) = listener.accept().await.expect("a peer");
        let (mut frames, writer) = accept(socket).await.expect("an upgrade");
        for _ in 0..4 {
            let (_, payload) = frames.next().await.expect("readable").expect("open");
            let mut out = Vec::new();
            frame(&mut out, 1, payload, false);
            writer.write(&out).await.expect("writable");
        }
    };
    let client = async {
        let socket = TcpStream::connect(address).await.expect("reachable");
        let (mut frames, writer) = open(socket, "/x?model=m", "").await.expect("an upgrade");
        for length in [3, 126, 70_000, 0] {
            let text = vec![b'a'; length];
            let mut out = Vec::new();
            frame(&mut out, 1, &text, true);
            writer.write(&out).await.expect("writable");
            assert_eq!(frames.next().await.expect("readable").expect("open"), (Kind::Text, &text[..]));
        }
    };
    futures_util::future::join(server, client).await;
}

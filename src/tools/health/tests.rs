use super::*;

#[test]
fn an_answer_is_its_status_and_what_follows_its_head() {
    let answer = read("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\n{}\n");
    assert_eq!(answer, Some(Answer { status: 503, body: "{}".to_owned() }));
    for foreign in ["", "SSH-2.0-OpenSSH", "HTTP/1.1 20\r\n\r\n", "HTTP/1.1 200 OK\r\n"] {
        assert_eq!(read(foreign), None, "{foreign}");
    }
}

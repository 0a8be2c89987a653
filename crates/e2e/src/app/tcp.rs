//! A TCP server that says something first, and then sends back what it gets.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

pub(crate) async fn serve(mut stream: TcpStream, banner: String) {
    // A connection that ends early is the client's affair.
    if stream.write_all(banner.as_bytes()).await.is_ok() {
        let (mut from, mut to) = stream.split();
        let _ = tokio::io::copy(&mut from, &mut to).await;
    }
}

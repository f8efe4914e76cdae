//! What the public types are to threads, and where they may be moved.

use bytes::Bytes;
use http_body_util::Full;
use streamgauge_http::{
    Balance, Choice, ConnectionContext, Exchange, Labels, MeterLayer, MeterService, MeteredBody,
    MeteredConnection, Overhead, PeerAddr, ProxyError, Refusal, ResponseBody, ResponseFuture, SessionClosed,
    TrustedProxies, Upgraded, WithConnection,
};
use tokio::net::TcpStream;

fn is_shared<T: Send + Sync + Unpin + 'static>() {}

#[test]
fn all_can_be_moved_and_shared_where_what_is_in_them_can() {
    is_shared::<Balance>();
    is_shared::<Choice>();
    is_shared::<ConnectionContext>();
    is_shared::<Exchange>();
    is_shared::<Labels>();
    is_shared::<MeterLayer>();
    is_shared::<MeterService<()>>();
    is_shared::<MeteredBody<Full<Bytes>>>();
    is_shared::<MeteredConnection<TcpStream>>();
    is_shared::<Overhead>();
    is_shared::<PeerAddr>();
    is_shared::<ProxyError>();
    is_shared::<Refusal>();
    is_shared::<ResponseBody<Full<Bytes>>>();
    is_shared::<ResponseFuture<std::future::Ready<()>>>();
    is_shared::<SessionClosed>();
    is_shared::<TrustedProxies>();
    is_shared::<Upgraded<TcpStream>>();
    is_shared::<WithConnection<()>>();
}

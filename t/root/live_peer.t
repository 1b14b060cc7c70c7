# WebSockets as an implementation that is not ours sees them: Debian's
# python3-websockets shakes hands, sends texts, bytes and parts, pings, and
# closes; it accepts no frame that breaks the protocol.

use Pando;

my $python = '/usr/bin/python3';
my $p = Pando->new(domains => ['talker'], workers => 2);
my $script = $p->write('peer.py', <<'END');
import asyncio
import sys
import websockets


async def main(url, token):
    head = {"Authorization": "Bearer " + token}
    async with websockets.connect(url, extra_headers=head, compression=None,
                                  subprotocols=["x", "talk.v1"]) as s:
        print("protocol", s.subprotocol)
        print("greeted", await s.recv())
        good = 0
        for n in range(100):
            text = "n\u00e4chste \U0001f333 " + str(n) * (n % 40)
            await s.send(text)
            good += await s.recv() == text
        print("texts", good)
        await s.send(bytes(range(256)) * 4)
        print("bytes", await s.recv() == bytes(range(256)) * 4)
        await s.send(["three ", "parts, ", "one text"])
        print("parts", await s.recv())
        await asyncio.wait_for(await s.ping(b"there?"), 10)
        print("pong")
        await s.send("bye")
        print("last", await s.recv())
        try:
            await s.recv()
        except websockets.ConnectionClosed as e:
            print("closed", e.rcvd.code, e.rcvd.reason)
    async with websockets.connect(url, extra_headers=head) as s:
        await s.recv()
        await s.close(code=3999, reason="done")
        print("ended", s.close_code)
    try:
        async with websockets.connect(url):
            pass
    except websockets.InvalidStatusCode as e:
        print("refused", e.status_code)

asyncio.run(main(sys.argv[1], sys.argv[2]))
END

open my $from, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', 'timeout', 60 * $Pando::SLOW, $python,
    $script, "ws://127.0.0.1:$p->{port}/api/v1/talks/socket", $p->token or die "sh: $!\n";
my $said = do { local $/; <$from> };

is $said, <<'END', 'all of it';
protocol talk.v1
greeted talk.v1
texts 100
bytes True
parts three parts, one text
pong
last and last
closed 4321 as you say
ended 3999
refused 401
END

done_testing;

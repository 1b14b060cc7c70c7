# Clients of live connections, on plain sockets so that a test sends every
# byte itself: WebSockets and streams of server-sent events.
#
#   my $s = Pando::Live->socket($p, '/api/v1/talks/socket', token => $token);
#   $s->say('hello');  my $m = $s->hear;      # { op => 1, text => 'hello' }
#   my $e = Pando::Live->stream($p, $path);   my $said = $e->event;
#
# hear() and event() return undef when the server has closed, or said nothing
# for ten seconds; {closed} and {timeout} tell which.

package Pando::Live;

use strict;
use warnings;

use Digest::SHA qw(sha1_base64);
use IO::Select;
use Time::HiRes qw(time);

my $KEY = 'dGhlIHNhbXBsZSBub25jZQ==';


sub socket
{
    my ($class, $p, $path, %opt) = @_;
    my $key = delete $opt{key} // $KEY;

    my $s = $class->open($p, $path, Upgrade => 'websocket',
        Connection => 'Upgrade', 'Sec-WebSocket-Key' => $key,
        'Sec-WebSocket-Version' => 13, %opt);
    my $want = sha1_base64($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11') . '=';

    $s->{accepted} = $s->{status} == 101
        && ($s->header('Sec-WebSocket-Accept') // '') eq $want;
    return $s;
}


sub stream
{
    my ($class, $p, $path, %opt) = @_;
    return $class->open($p, $path, Accept => 'text/event-stream',
        Connection => undef, %opt);
}


sub open
{
    my ($class, $p, $path, %opt) = @_;
    my $with = delete $opt{with} // '';         # bytes behind the head
    my $s = bless { in => '', socket => $p->socket }, $class;

    syswrite $s->{socket}, $p->message(GET => $path, %opt) . $with;
    $s->fill while $s->{in} !~ /\r\n\r\n/ && !$s->{closed} && !$s->{timeout};
    $s->{in} =~ s/^(.*?\r\n)\r\n//s;
    $s->{head} = $1 // '';
    ($s->{status}) = $s->{head} =~ m{^HTTP/1\.1 (\d+)};
    $s->{status} //= 0;
    $s->{chunked} = $s->{head} =~ /^Transfer-Encoding: chunked/mi;
    return $s;
}


sub header { $_[0]{head} =~ /^\Q$_[1]\E: *(.*?)\r$/mi ? $1 : undef }


sub fill
{
    my ($s, $seconds) = @_;

    if (!IO::Select->new($s->{socket})->can_read(
            ($seconds // 10) * $Pando::SLOW))
    {
        $s->{timeout} = 1;
        return 0;
    }

    my $n = sysread $s->{socket}, $s->{in}, 1 << 16, length $s->{in};
    $s->{closed} = 1 if !$n;
    return $n;
}


# WebSockets

sub frame
{
    my ($op, $text, %set) = @_;
    my $len = $set{len} // length $text;
    my $mask = $set{mask} // 'abcd';
    my $masked = length $mask ? 128 : 0;
    my $head = pack 'C', ($set{fin} // 1) << 7 | ($set{rsv} // 0) << 4 | $op;

    $head .= $len > 65535 || $set{long} ? pack 'CQ>', $masked | 127, $len
           : $len > 125 ? pack 'Cn', $masked | 126, $len
           : pack 'C', $masked | $len;
    return $head . $text if !$masked;

    my $pad = substr $mask x (1 + length($text) / 4), 0, length $text;
    return $head . $mask . ($text ^ $pad);
}


sub write
{
    my ($s, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';

    while (length $bytes) {
        my $n = syswrite $s->{socket}, $bytes or return 0;
        substr $bytes, 0, $n, '';
    }

    return 1;
}


sub say  { $_[0]->write(frame(1, $_[1])) }
sub bye  { $_[0]->write(frame(8, pack('n', $_[1] // 1000) . ($_[2] // ''))) }


# The next frame that is no ping; pings are answered.
sub hear
{
    my ($s, $seconds) = @_;
    my $until = time + ($seconds // 10) * $Pando::SLOW;

    for (;;) {
        my $f = $s->take;

        if (!$f) {
            return undef if $s->{closed} || time > $until;
            $s->{timeout} = 0;
            $s->fill($seconds) or return undef;
            next;
        }

        if ($f->{op} == 9) {
            $s->{pings}++;
            $s->write(frame(10, $f->{text})) if !$s->{mute};
            next;
        }

        if ($f->{op} == 8) {
            ($f->{code}, $f->{text}) = unpack 'na*', $f->{text};
        }

        return $f;
    }
}


sub take
{
    my ($s) = @_;
    my ($first, $len) = unpack 'CC', $s->{in};
    my $at = 2;

    return if length $s->{in} < 2;
    die "the server's frame is masked\n" if $len & 128;

    if ($len == 126) {
        return if length $s->{in} < 4;
        $len = unpack 'x2n', $s->{in};
        $at = 4;
    } elsif ($len == 127) {
        return if length $s->{in} < 10;
        $len = unpack 'x2Q>', $s->{in};
        $at = 10;
    }

    return if length $s->{in} < $at + $len;
    my $text = substr $s->{in}, $at, $len;
    substr $s->{in}, 0, $at + $len, '';
    return { op => $first & 15, fin => $first >> 7, text => $text };
}


# Streams: the next event as a hash of its fields, comments left out

sub event
{
    my ($s) = @_;
    my $until = time + 10 * $Pando::SLOW;

    for (;;) {
        $s->{body} //= '';

        while ($s->{body} =~ s/^(.*?)\n\n//s) {
            my %e;
            /^(\w+): ?(.*)/ and $e{$1} = defined $e{$1} ? "$e{$1}\n$2" : $2
                for split /\n/, $1;
            return \%e if %e;
            $s->{pings}++;
        }

        return undef if $s->{ended} || time > $until;

        while ($s->{in} =~ /^([0-9a-fA-F]+)\r\n/) {
            my ($at, $len) = ($+[0], hex $1);
            last if length $s->{in} < $at + $len + 2;
            $s->{body} .= substr $s->{in}, $at, $len;
            substr $s->{in}, 0, $at + $len + 2, '';
            $s->{ended} = 1 if $len == 0;
        }

        next if $s->{body} =~ /\n\n/;
        return undef if $s->{ended} || $s->{closed};
        $s->{timeout} = 0;
        $s->fill or return undef;
    }
}

1;

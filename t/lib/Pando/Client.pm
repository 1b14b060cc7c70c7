# Requests of a test: the part of Pando.pm that speaks HTTP, on plain sockets
# so that a test sees, and can send, every byte.

package Pando::Client;

use strict;
use warnings;

use Errno;
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use Time::HiRes qw(time);

use Pando::Reply;

my $JSON = JSON::PP->new->utf8->canonical->allow_nonref;


# $p->get($path, %options), $p->post($path, $body, %options)
for my $method (qw(get delete)) {
    no strict 'refs';
    *$method = sub {
        my ($p, $path, @options) = @_;
        return $p->request(uc $method, $path, @options);
    };
}

for my $method (qw(post put patch)) {
    no strict 'refs';
    *$method = sub {
        my ($p, $path, $body, @options) = @_;
        return $p->request(uc $method, $path, body => $body, @options);
    };
}


# Options: token (a text, or the claims of one to mint), body (bytes, or what
# to encode as JSON), timeout, and headers by their names: 'If-Match' => '"1"';
# one that is undef is left out, one that is a list comes several times.
sub request
{
    my ($p, $method, $path, %opt) = @_;
    my ($r) = $p->parallel([ $method, $path, %opt ]);
    return $r;
}


sub message
{
    my ($p, $method, $path, %opt) = @_;
    my ($token, $body) = delete @opt{qw(token body)};
    my %head = (Host => 'localhost', Connection => 'close');

    delete $opt{timeout};
    $token = $p->token(%$token) if ref $token;
    $head{Authorization} = "Bearer $token" if defined $token;

    if (defined $body) {
        $body = $JSON->encode($body) if ref $body;
        $head{'Content-Length'} = length $body;
        $head{'Content-Type'} = $method eq 'PATCH'
            ? 'application/merge-patch+json' : 'application/json';
    }

    %head = (%head, %opt);

    my $text = "$method $path HTTP/1.1\r\n";

    for my $name (grep { defined $head{$_} } sort keys %head) {
        $text .= "$name: $_\r\n" for ref $head{$name}
            ? @{ $head{$name} } : $head{$name};
    }

    return "$text\r\n" . ($body // '');
}


# Requests that start together, each on a connection of its own: all are
# connected, then all are written, then the replies are read as they come.
sub parallel
{
    my ($p, @requests) = @_;
    my $timeout = 0;
    my @calls;

    for (@requests) {
        my ($method, $path, %opt) = @$_;
        my $t = $opt{timeout} // 30;
        $timeout = $t if $t > $timeout;
        push @calls, { out => $p->message(@$_), in => '', n => scalar @calls,
                       method => $method };
    }

    for (@calls) {
        $_->{socket} = $p->socket;
        $_->{socket}->blocking(0);
    }

    my %of = map { fileno $_->{socket} => $_ } @calls;
    my $read = IO::Select->new(map { $_->{socket} } @calls);
    my $write = IO::Select->new($read->handles);
    my $until = time + $timeout * $Pando::SLOW;

    while ($read->count && time < $until) {
        my ($r, $w) = IO::Select->select($read, $write, undef, 0.5);

        for my $s (@{ $w // [] }) {
            my $call = $of{fileno $s};
            my $n = syswrite $s, $call->{out};

            if (defined $n) {
                substr $call->{out}, 0, $n, '';
            }

            $write->remove($s) if $call->{out} eq ''
                || !defined $n && !$!{EAGAIN};
        }

        for my $s (@{ $r // [] }) {
            my $call = $of{fileno $s};
            my $n = sysread $s, $call->{in}, 1 << 16, length $call->{in};

            next if $n || !defined $n && $!{EAGAIN};
            $read->remove($s);
            $write->remove($s);
        }
    }

    return map { Pando::Reply->new($_->{in}, $_->{method}) } @calls;
}


# A connection for what the above does not do: pieces, pauses, nonsense.
sub socket
{
    my ($p) = @_;

    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', Timeout => 10,
        PeerPort => $p->{port}) // die "connect: $!\n";
}


# What comes back for these bytes until the server closes or time is up.
sub raw
{
    my ($p, $bytes, $seconds) = @_;
    my ($s, $in) = ($p->socket, "");
    my $until = time + ($seconds // 10) * $Pando::SLOW;

    local $SIG{PIPE} = 'IGNORE';
    syswrite $s, $bytes;

    while ((my $left = $until - time) > 0) {
        IO::Select->new($s)->can_read($left) or last;
        sysread $s, $in, 1 << 16, length $in or last;
    }

    return $in;
}


sub token
{
    my ($p, %claims) = @_;
    return $p->{tokens}->mint(%claims);
}

1;

# The clients of the benchmark: wrk and pgbench for throughput, and two of its
# own for what they do not tell: ten thousand connections that are held, and
# requests that must not fail while nginx reloads.

package Load;

use strict;
use warnings;

use Errno;
use File::Basename qw(dirname);
use File::Temp;
use IPC::Open2;
use HTTP::Tiny;
use IO::Poll qw(POLLIN POLLOUT POLLHUP POLLERR);
use IO::Socket::INET;
use List::Util qw(min);
use Time::HiRes qw(sleep time);

my $here = dirname(__FILE__);
my $waves = 0;                  # of wrk, so that each writes names of its own


# What wrk is to send, as a file; it is kept as long as the list is.
my @files;

sub requests
{
    my ($requests, @headers) = @_;
    my $file = File::Temp->new;

    print $file map { "$_\n" } @headers, '', @$requests;
    close $file or die "requests: $!\n";
    push @files, $file;
    return "$file";
}


# Requests a second; one that fails ends the benchmark.
sub wrk
{
    my ($port, $connections, $seconds, $file) = @_;
    my $mark = sprintf '%x-%x', $$, int(time) + ++$waves;
    my $said = run('wrk', '-t1', "-c$connections", "-d${seconds}s",
        '--timeout', '10', '-s', "$here/wrk.lua", "http://127.0.0.1:$port",
        '--', $file, $mark);
    my ($n, $us, $bad, $lost) = $said =~ /^bench (\d+) (\d+) (\d+) (\d+)/m
        or die "wrk: $said\n";

    die "wrk: of $n requests $bad were refused and $lost lost\n"
        if $bad || $lost;
    return $n / ($us / 1e6);
}


# Transactions a second; @scripts are options that name them, and variables.
sub pgbench
{
    my ($conninfo, $clients, $seconds, @scripts) = @_;
    my $said = run('pgbench', '-n', '-M', 'prepared', '-c', $clients,
        '-j', min(2, $clients), '-T', $seconds, @scripts,
        $conninfo);
    my ($tps) = $said =~ /^tps = ([\d.]+)/m or die "pgbench: $said\n";

    die "pgbench: $said\n" if $said =~ /failed transactions: [1-9]/;
    return $tps;
}


sub run
{
    my @command = @_;
    my $pid = open(my $out, '-|') // die "fork: $!\n";

    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec @command or die "$command[0]: $!\n";
    }

    my $said = do { local $/; <$out> };
    close $out or die "$command[0] failed: $said\n";
    return $said;
}


sub get
{
    my ($port, $path) = @_;
    my $r = HTTP::Tiny->new(timeout => 10)->get("http://127.0.0.1:$port$path");

    $r->{success} or die "GET $path: $r->{status} $r->{content}\n";
    return $r->{content};
}


# So many connections, kept open.  What it returns sends bytes on each and,
# if told so, waits for the first bytes of each reply; undef closes them all.
sub hold
{
    my ($port, $n) = @_;
    my $to = pack_sockaddr_in($port, inet_aton('127.0.0.1'));
    my @all;

    for (1 .. $n) {
        socket(my $s, PF_INET, SOCK_STREAM, 0) or die "socket: $!\n";
        connect($s, $to) or die "connect: $!\n";
        push @all, $s;
    }

    return sub {
        my ($bytes, $replies) = @_;

        if (!defined $bytes) {
            @all = ();
            return;
        }

        for my $s (@all) {
            syswrite($s, $bytes) == length $bytes or die "write: $!\n";

            if ($replies) {
                sysread($s, my $in, 4096) or die "no reply\n";
            }
        }
    };
}


# The client of many sockets: what it returns tells it a line and returns the
# figures of its answer; it ends with the last one who knows it.
sub talk
{
    my ($client, @args) = @_;
    my $pid = open2(my $from, my $to, $client, @args);
    my $answer = sub {
        my $line = <$from> // die "bench: the client of sockets ended\n";
        return $line =~ s/^\w+ |\n//gr;
    };

    $to->autoflush;
    $answer->();

    return sub {
        print $to "@_\n";
        return $answer->();
    };
}


# Keepalive clients that each ask, read and ask again, while something is done
# once a second.  A connection that is closed before the first byte of a reply
# to a request that was not its first was closed while idle: the request is
# sent again on a new one, as every HTTP client does.  All else that goes
# wrong has failed.
sub steady
{
    my ($port, $clients, $seconds, $paths, $do) = @_;
    my %got = (requests => 0, failed => 0, retried => 0, reloads => 0,
               why => []);
    my $begin = time;
    my ($next, $end) = ($begin + 1, $begin + $seconds);
    my $poll = IO::Poll->new;
    my %of;
    my $fail = sub {
        $got{failed}++;
        push @{ $got{why} }, $_[0] if @{ $got{why} } < 10;
    };

    my $ask = sub {
        my ($c) = @_;

        if (!$c->{socket}) {
            $c->{socket} = IO::Socket::INET->new(PeerPort => $port,
                PeerAddr => '127.0.0.1', Timeout => 10);

            if (!$c->{socket}) {
                $fail->("connect: $!");
                return;
            }

            $c->{served} = 0;
            $c->{socket}->blocking(0);
            $poll->mask($c->{socket} => POLLIN);
            $of{fileno $c->{socket}} = $c;
        }

        $c->{in} = '';
        $c->{since} = time;
        syswrite $c->{socket}, "GET $c->{path} HTTP/1.1\r\nHost: b\r\n\r\n";
    };

    my $drop = sub {
        my ($c) = @_;
        delete $of{fileno $c->{socket}};
        $poll->remove($c->{socket});
        delete $c->{socket};
    };

    my $anew = sub {
        my ($c) = @_;
        $c->{path} = $paths->[rand @$paths];
        $c->{retries} = 0;
        $ask->($c);
    };

    my $read = sub {
        my ($c) = @_;
        my $n = sysread $c->{socket}, $c->{in}, 65536, length $c->{in};

        return if !defined $n && $!{EAGAIN};

        if (!$n) {
            my $why = defined $n ? 'closed' : "$!";
            my $stale = $c->{in} eq '' && $c->{served} && !$c->{retries}++;

            $drop->($c);
            return $got{retried}++, $ask->($c) if $stale;
            $fail->("$why after " . length($c->{in}) . ' bytes');
            return $anew->($c);
        }

        my ($head, $body) = split /\r\n\r\n/, $c->{in}, 2;
        return if !defined $body;

        my ($length) = $head =~ /^Content-Length: (\d+)/mi;
        return if length $body < ($length // 0);

        $got{requests}++;
        $fail->(substr $head, 0, 60)
            if $head !~ m{^HTTP/1\.1 200 } || !defined $length;
        $c->{served}++;
        $drop->($c) if $head =~ /^Connection: close/mi;
        $anew->($c);
    };

    local $SIG{PIPE} = 'IGNORE';
    my @clients = map { {} } 1 .. $clients;
    $anew->($_) for @clients;

    while (time < $end) {
        if (time >= $next) {
            $do->();
            $got{reloads}++;
            $next++;

            for my $c (grep { $_->{socket} && time - $_->{since} > 10 }
                       @clients)
            {
                $drop->($c);
                $fail->('no reply for ten seconds');
            }

            $anew->($_) for grep { !$_->{socket} } @clients;
        }

        $poll->poll(min(0.1, $next - time)) or next;
        $read->($of{fileno $_}) for $poll->handles(POLLIN | POLLHUP | POLLERR);
    }

    return %got;
}

# So many POSTs a second, for so long, by a few clients that each keep to their
# own clock: one that is late does not wait for the next beat.  How many were
# answered with 201.
sub paced
{
    my ($port, $rate, $seconds, $path, $token, $name) = @_;
    my $clients = 8;
    my @pids;

    pipe my $in, my $out or die "pipe: $!\n";

    for my $n (1 .. $clients) {
        my $pid = fork // die "fork: $!\n";

        if ($pid) {
            push @pids, $pid;
            next;
        }

        my $http = HTTP::Tiny->new(keep_alive => 1, timeout => 10);
        my $start = time + $n / $rate;
        my $made = 0;

        for my $i (0 .. $rate / $clients * $seconds - 1) {
            my $pause = $start + $i * $clients / $rate - time;
            sleep $pause if $pause > 0;
            my $r = $http->post("http://127.0.0.1:$port$path", {
                headers => { 'Content-Type' => 'application/json',
                             Authorization => "Bearer $token" },
                content => qq({"name":"$name $$ $i","note":"paced"}) });
            $made++ if $r->{status} == 201;
        }

        syswrite $out, "$made\n";
        require POSIX;
        POSIX::_exit(0);
    }

    close $out;
    my $sum = 0;
    while (my $made = <$in>) {
        $sum += $made;
    }

    waitpid $_, 0 for @pids;
    return $sum;
}


# So many requests a second, one after another; how long each took, in order.
sub timed
{
    my ($port, $paths, $rate, $seconds) = @_;
    my $begin = time;
    my ($s, @took);

    for my $i (0 .. $rate * $seconds - 1) {
        my $wait = $begin + $i / $rate - time;
        sleep $wait if $wait > 0;

        $s //= IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $port, Timeout => 10) or die "connect: $!\n";

        my $at = time;
        my $in = '';
        my $path = $paths->[$i % @$paths];

        syswrite $s, "GET $path HTTP/1.1\r\nHost: bench\r\n\r\n";
        until ($in =~ /\r\n\r\n/) {
            sysread $s, $in, 65536, length $in or die "$path: no reply\n";
        }

        my ($head, $body) = split /\r\n\r\n/, $in, 2;
        my ($length) = $head =~ /^Content-Length: (\d+)/mi;

        while (length $body < ($length // 0)) {
            sysread $s, $body, 65536, length $body or die "$path: cut\n";
        }

        push @took, time - $at;
        $head =~ m{^HTTP/1\.1 200 } or die "$path: " . substr($head, 0, 60);
        undef $s if $head =~ /^Connection: close/mi;
    }

    return sort { $a <=> $b } @took;
}

1;

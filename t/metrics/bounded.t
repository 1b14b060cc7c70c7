# A label of a hundred thousand values: what clients write makes no series,
# what an origin answers makes only so many.  The rest is one series, no count
# is lost, and the workers grow no further.

use FindBin;
use lib $FindBin::Bin;
use Pando;
use Gauge;
use Time::HiRes ();

my $N = 100_000;
my $MOST = 4096;                        # series of a node with few routes
my @methods = qw(GET HEAD POST PUT PATCH DELETE OPTIONS BREW);
my @codes = grep { $_ != 204 && $_ != 205 && $_ != 444 && $_ != 499 } 201 .. 299, 400 .. 999;
my $all = @methods * @codes;

my $t = Gauge->new(workers => 2, server => join '',
    map { "location /s/$_/ { return $_ 'x\n'; }\n" } @codes);
my $p = $t->{p};


# No two are alike: each has a path of its own, and strange methods differ.
sub message
{
    my ($i) = @_;
    my $method = $methods[$i % @methods];
    my $code = $codes[ $i / @methods % @codes ];

    $method .= join '', map { chr(65 + $_) } split //, $i if $method eq 'BREW';
    return "$method /s/$code/v$i HTTP/1.1\r\nHost: h$i\r\nContent-Length: 0\r\n\r\n";
}


# A connection for every thousand, as the server closes it then.
sub ask
{
    my ($from, $until) = @_;
    my $answers = 0;

    for (my $i = $from; $i < $until; $i += 1000) {
        my $s = $p->socket;

        for (my $k = $i; $k < $i + 1000 && $k < $until; $k += 50) {
            my ($in, $n) = ('', 0);

            syswrite $s, join '', map { message($_) } $k .. $k + 49;
            while ($n < 50 && sysread $s, $in, 65536, length $in) {
                $n = () = $in =~ m{^HTTP/1\.1 \d+}mg;
            }
            $answers += $n;
        }
    }

    return $answers;
}


# labels => count, but for the scrapes: nothing else is answered with 200.
sub counts
{
    my ($text) = @_;
    my %n = $text =~ /^http_server_request_duration_seconds_count\{(.*)\} (\d+)$/mg;

    delete @n{ grep { /status="200"/ } keys %n };
    return \%n;
}


sub sum { my $n = 0; $n += $_ for values %{ $_[0] }; $n }

# What is of the workers alone, in KiB.
sub memory
{
    my $kb = 0;

    for my $pid ($p->worker_pids) {
        open my $in, '<', "/proc/$pid/smaps_rollup" or die "$pid: $!\n";
        /^Private_(?:Clean|Dirty):\s+(\d+)/ and $kb += $1 while <$in>;
    }

    return $kb;
}

cmp_ok $all, '>', $MOST, "$all series would be made of methods and statuses";

my $before = counts($p->get('/metrics')->{body});
my $first = 20_000;

is ask(0, $first), $first, 'all are answered';

my $full = counts($p->get('/metrics')->{body});
my $then = memory();

is sum($before), 0;
is ask($first, $N), $N - $first, 'and all that come after';

my $begin = Time::HiRes::time;
my $text = $p->get('/metrics')->{body};
my $ms = 1000 * (Time::HiRes::time - $begin);
my $now = counts($text);
my ($other) = grep { /domain="other"/ } keys %$now;

note sprintf '%d series, %d KiB of text in %.0f ms', scalar keys %$now,
    length($text) / 1024, $ms;
note sprintf 'workers: %d KiB, then %d KiB', $then, memory();

cmp_ok scalar keys %$now, '<', $MOST, 'there are only so many series';
is_deeply [ sort keys %$now ], [ sort keys %$full ], 'no more of 100 000 than of 20 000';
cmp_ok $now->{$other}, '>', 0, 'one holds the rest';
unlike $text, qr{BREW[A-J]|/s/|v\d{3}|h\d{4}}, 'nothing of what clients wrote is in it';

# a request is counted when its answer has gone
ok $p->wait_for(sub { sum($now = counts($p->get('/metrics')->{body})) >= $N }, 30);
is sum($now), $N, 'no count is lost, and none is twice';

SKIP: {
    skip 'what a sanitizer keeps is not the workers\'', 1 if $Pando::SLOW > 1;
    cmp_ok memory() - $then, '<', 8192, 'the workers grow no further';
}

my $theirs = sum({ map { $_ => $now->{$_} } grep { !/method="GET"/ } keys %$now });
my $kept = "service IN ('nginx', 'other') AND method <> 'GET'";

ok $p->wait_for(sub { $t->counted('minutes', $kept) >= $theirs }, 30);
is $t->counted('minutes', $kept), $theirs, 'the history is whole, too';
cmp_ok $t->counted('minutes', "service = 'other'"), '>=', $now->{$other}, 'with the rest in it';
cmp_ok scalar $p->sql('SELECT count(*) FROM metrics.routes'), '<', 30, 'under few names';

done_testing;

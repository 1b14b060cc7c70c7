# Reload, binary upgrade and quit under load lose no request; a wrong setting
# is refused with file, line and what to do; a profile changes on reload.

use Pando;
use Errno;
use IO::Select;
use Time::HiRes qw(time);

my $p = Pando->new(domains => ['probe'], workers => 2);
my %as = (token => $p->token(scope => 'probe:admin'));
my $path = '/api/v1/probes';
my $id = $p->post($path, { name => 'kept' }, %as)->json->{id};


# Clients that keep their connections and go on until told: their request
# counts by status, with "lost" for a reset or a close before the answer.
sub load
{
    my ($do) = @_;
    my @clients;

    for my $n (1 .. 4) {
        pipe my $out, my $in;
        my $pid = fork // die "fork: $!\n";

        if (!$pid) {
            my ($on, %n) = 1;
            local $SIG{TERM} = sub { $on = 0 };
            client($n, \%n) while $on;
            print $in "$_ $n{$_}\n" for keys %n;
            close $in;
            require POSIX;
            POSIX::_exit(0);
        }

        close $in;
        push @clients, [ $pid, $out ];
    }

    $do->();
    my %sum;

    for (@clients) {
        my ($pid, $out) = @$_;
        kill 'TERM', $pid;
        /^(\S+) (\d+)/ and $sum{$1} += $2 while <$out>;
        waitpid $pid, 0;
    }

    note join ', ', map { "$sum{$_} x $_" } sort keys %sum;
    return %sum;
}

# A connection kept over fifty requests, or until the server ends it.
sub client
{
    my ($n, $count) = @_;
    my $s = eval { $p->socket } or return;      # nobody listens any more
    my $url = $n % 2 ? "$path/$id" : "$path/waits/time?ms=3";
    my $text = "GET $url HTTP/1.1\r\nHost: x\r\n"
             . "Authorization: Bearer $as{token}\r\n\r\n";

    for (1 .. 50) {
        my $in = '';

        # a connection that was idle may have been closed: not a loss
        return if $_ > 1 && IO::Select->new($s)->can_read(0);
        syswrite($s, $text) or $count->{lost}++, return;

        while ($in !~ /\r\n\r\n/
               || $in =~ /Content-Length: (\d+)/
                  && length($') - index($', "\r\n\r\n") - 4 < $1)
        {
            my $got = sysread $s, $in, 65536, length $in;

            next if !defined $got && $!{EINTR};

            if (!$got) {
                # between two requests a server may close as we write
                $count->{ $in eq '' && $_ > 1 ? 'raced' : 'lost' }++;
                return;
            }
        }

        my ($status) = $in =~ m{^HTTP/1\.1 (\d+)};
        $count->{$status}++;
        return if $in =~ /^Connection: close/mi;
    }
}


my %n = load(sub { $p->reload for 1 .. 10 });
is join(' ', grep { !/^(200|raced)$/ } keys %n), '', 'ten reloads lose nothing';
cmp_ok $n{200}, '>', 100, 'under load';

%n = load(sub { $p->upgrade for 1 .. 2 });
is join(' ', grep { !/^(200|raced)$/ } keys %n), '',
    'two binary upgrades lose nothing';
cmp_ok $n{200}, '>', 100, 'under load';


# a long request is finished by the worker that took it

my $pid = fork // die "fork: $!\n";

if (!$pid) {
    my $r = $p->get("$path/waits/database?ms=1500", %as);
    require POSIX;
    POSIX::_exit(($r->{status} // 0) == 200 ? 0 : 1);
}

$p->wait_for(sub { $p->sql("select count(*) from pg_stat_activity
    where query like '%pg_sleep%' and state = 'active'
      and application_name = 'pando'") });
$p->reload;
waitpid $pid, 0;
is $?, 0, 'a request that waits in the database outlives a reload';


# workers with open pools go at once

$p->get($path, %as) for 1 .. 10;
my ($worker) = $p->worker_pids;
my $since = time;
$p->reload;
ok $p->wait_for(sub { Pando::ended($worker) }, 5),
    'an old worker with open pools ends';
cmp_ok time - $since, '<', 3 * $Pando::SLOW, 'at once';


# a changed set of domains

$p->configure(domains => ['probe', 'asker']);
is $p->get('/api/v1/asker/doubles?n=1', %as)->{status}, 404, 'not yet there';
$p->reload;
is $p->get('/api/v1/asker/doubles?n=1', %as)->{status}, 200,
    'there after a reload';
$p->configure(domains => ['asker']);
$p->reload;
is $p->get($path, %as)->{status}, 404, 'and the other gone';


# a broken configuration changes nothing

$p->configure(domains => ['probe'], http => 'pando_flows many;');
my ($said, $good) = $p->check;
ok !$good, 'a wrong value is refused';
$p->signal('HUP');
$p->wait_for(sub { $p->log =~ /invalid number/ });
is $p->get('/api/v1/asker/doubles?n=1', %as)->{status}, 200,
    'and the old configuration goes on';
$p->expect(qr/invalid number/);
$p->configure(http => '');
$p->reload;


# what nginx -t says

my $wrong = Pando->new(domains => ['probe'], start => 0);
$wrong->expect(qr/\[emerg\]/);

for (
    [ 'pando_database extra "nonsense";',
      qr/is not a connection string.*nginx\.conf:\d+/ ],
    [ 'pando_database extra "host=/tmp" reads=0;',
      qr/"reads=0" must be a number from 1 to 1000.*nginx\.conf:\d+/ ],
    [ 'pando_database extra "host=/tmp" lanes=3;',
      qr/"lanes=3" is no option of pando_database: it takes/ ],
    [ 'pando_database extra "host=no.such.host.invalid";',
      qr/cannot be found.*give its address/ ],
    [ 'pando_set probe.limit 1000;',
      qr/"probe.limit" "1000" is out of range in .*nginx\.conf:\d+/ ],
    [ 'pando_set probe.limits 10;', qr/is no setting of any domain/ ],
    [ 'pando_use probe nowhere;', qr/names the database "nowhere"/ ],
    [ 'pando_issuer https://x;', qr/invalid number of arguments/ ],
    [ 'pando_issuer https://x keys=DIR/keys.json;', qr/needs an audience=/ ],
    [ 'pando_issuer https://x audience=y;', qr/needs keys=/ ],
    [ 'pando_issuer https://x audience=y keys=/nowhere;', qr{/nowhere} ],
    [ 'pando_stack 4k;', qr/must be at least 64k/ ],
    [ 'pando_tenant me;', qr/"me" is no UUID/ ],
    [ 'pando_peer probe "";', qr/no address for pando_peer/ ],
    [ 'pando_deadline soon;', qr/invalid value/ ],
) {
    my ($directive, $expected) = @$_;
    $wrong->configure(http => $directive);
    my ($text, $fine) = $wrong->check;
    ok !$fine, "$directive is refused";
    like $text, $expected, 'in a sentence';
}

$wrong->configure(http => '',
    server => 'location /twice { pando_probe; pando_probe; }');
like scalar $wrong->check, qr/shares its location|is duplicate/,
    'two domains in one location';


# quit under load: what was accepted is answered

%n = load(sub {
    $p->get($path, %as) for 1 .. 20;
    $p->stop('QUIT');
});
cmp_ok $n{200}, '>', 0, 'there was load';
is $n{lost} // 0, 0, 'a quit loses nothing that was accepted';

done_testing;

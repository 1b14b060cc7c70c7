# What workers share: values that expire, counters that are exact, and a zone
# that stays whole whatever becomes of a worker.

use Pando;
use Pando::Zone;
use Time::HiRes qw(usleep);

my $p = Pando->new(domains => ['probe'], workers => 2, redis => undef,
    server => 'client_body_buffer_size 1m;');
my $path = '/api/v1/probes/shared';

sub put { $p->put("$path/$_[0]", { value => $_[1], @_[2 .. $#_] }) }
sub value { my $r = $p->get("$path/$_[0]");
            $r->{status} == 200 ? $r->{body} : undef }
sub sum { $p->post("$path/$_[0]/sum", { @_[1 .. $#_] })->{body} }

sub gauges
{
    my %g = map { /^(\w+)=(.*)/ ? ($1, $2) : () }
        split /\s(?=\w+=)/, $p->get('/api/v1/probes/gauges')->{body};
    return \%g;
}

sub whole
{
    my ($what) = @_;
    is gauges()->{wrong}, 'nothing', "$what: the zone is whole";
}


# values

is value('a'), undef, 'nothing is there at first';
is put(a => 'one')->{status}, 204;
is value('a'), 'one', 'what was put is there';
put(a => 'another');
is value('a'), 'another', 'the later value counts';
put(b => '');
is value('b'), '', 'a value may be empty';
is $p->delete("$path/a")->{status}, 204;
is value('a'), undef, 'what was dropped is gone';
is $p->delete("$path/a")->{status}, 204, 'and may be dropped again';

for my $size (1, 100, 167, 168, 169, 255, 256, 257, 4000, 65535, 65536) {
    my $text = join '', map { chr(97 + $_ % 26) } 1 .. $size;
    put(size => $text);
    ok value('size') eq $text, "$size bytes come back as they were";
}

is put(size => 'x' x 65537)->{status}, 413, 'a value has a limit';
ok value('size') =~ /^bcd/, 'what was there stays';

my %seen;
put(who => 'everybody');
$p->wait_for(sub {
    $seen{gauges()->{pid}} = value('who') eq 'everybody';
    keys %seen == 2;
});
is_deeply [ values %seen ], [ 1, 1 ], 'both workers see it';


# expiry

put(short => 'lived', ttl => 1500);
is value('short'), 'lived', 'there until its time';
ok $p->wait_for(sub { !defined value('short') }), 'and then no longer';


# counters

my @sums = sort { $a <=> $b } map { $_->{body} }
    $p->parallel(map { [ POST => "$path/count/sum", body => { by => 1 } ] }
                 1 .. 400);
is_deeply \@sums, [ 1 .. 400 ], '400 at once: each number once';
is sum(count => by => -150), 250, 'down as well';
is value('count'), 250, 'read as text';
put(text => 'x');
is sum(text => by => 7), 7, 'a text gives way to a counter';

sum(window => by => 1, ttl => 700);
ok $p->wait_for(sub { sum(window => by => 1, ttl => 700) == 1 }),
    'a counter ends with its window, however often it is added to';

whole('values and counters');


# reload

put(kept => 'over a reload', ttl => 600000);
$p->reload;
is value('kept'), 'over a reload', 'a reload keeps what is there';
is value('count'), 250, 'and counts on';

my $zone = Pando::Zone->find($p, 16 << 20);
SKIP: {
    skip 'no way into the memory of a process', 3 unless $zone;
    $zone->poke(0, pack 'Q<', 1);
    $p->reload;
    is value('kept'), undef, 'another layout is not read';
    is put(kept => 'again')->{status}, 204, 'a zone is made for it';
    is value('kept'), 'again';
}

$p->configure(http => 'pando_zone 256k;');
$p->reload;
is value('kept'), undef, 'another size is another zone';
put(kept => 'once more');
whole('a small zone');


# a full zone

my $blocks = gauges()->{blocks};
put(first => 'in');
$p->post("$path/small/fill", { n => 5000, size => 100 });
is value('first'), undef, 'the oldest is pushed out';
like value('small-4999'), qr/^(small-4999){10,}$/, 'the newest is there';
is value('small-0'), undef;
ok gauges()->{evicted} >= 5000 - $blocks, 'it was counted';
whole('a full zone');

$p->post("$path/large/fill", { n => 50, size => 9000 });
like value('large-49'), qr/^(large-49){1000,}$/, 'large ones, too';
is put(size => 'x' x 40000)->{status}, 413, 'but not most of the zone';
whole('large values in a small zone');

my ($used, $i) = ('used', 0);
put(used => 'all the time', ttl => 600000);
ok $p->wait_for(sub { value('used') && ++$i > 30 }, 20),
    'what is used is not pushed out' or diag $i;


# wrong settings

for (['10k', '256k'], ['much', '256k'], ['1m; pando_zone 2m', 'duplicate']) {
    my ($size, $why) = @$_;
    $p->configure(http => "pando_zone $size;");
    my ($said, $well) = $p->check;
    ok !$well && $said =~ /pando_zone.*\Q$why\E|\Q$why\E.*pando_zone/,
        "pando_zone $size is refused" or diag $said;
    $p->expect(qr/pando_zone/);
}


# workers that are killed while they write

$p->configure(http => 'pando_zone 4m;');
$p->reload;
$zone = Pando::Zone->find($p, 4 << 20);
put(precious => 'x' x 3000, ttl => 600000);
sum(precise => by => 41, ttl => 600000);

my @load = map { writer($_) } 1 .. 4;
my ($killed, $within) = (0, 0);
my $until = time + 60 * $Pando::SLOW;

while ($within < 20 && $killed < 400 && time < $until) {
    my ($pid) = $p->worker_pids or next;

    if ($zone) {
        kill 'STOP', $pid;
        stopped($pid) or next;
        my $busy = $zone->busy;
        kill 'CONT', $pid unless $busy;
        usleep 200 unless $busy;
        next unless $busy;
    }

    $within += defined $zone;
    $killed++;
    $p->kill_worker('KILL', $pid);
}

kill 'TERM', @load;
waitpid $_, 0 for @load;
$p->expect(qr/zone "pando" was locked by/);

cmp_ok $killed, '>', 9, "$killed workers were killed";
cmp_ok $within, '>', 9, "$within of them while links were being changed"
    if $zone;

my $g = gauges();
is $g->{wrong}, 'nothing', 'the zone is whole';
cmp_ok $g->{repairs}, '>=', $within ? 1 : 0, "$g->{repairs} repairs";
ok value('precious') eq 'x' x 3000, 'what was there is there';
is sum(precise => by => 1), 42, 'a counter, too';

my $torn = 0;
for my $name (map { $_ % 4 + 1 } 1 .. 40) {
    my $key = "w$name-" . int rand 200;
    my $v = value($key) // next;
    $torn++ unless $v =~ /^(?:\Q$key\E)+$/;
}
is $torn, 0, 'no value is torn';
is put(after => 'all')->{status}, 204;
is value('after'), 'all', 'and it goes on';


sub writer
{
    my ($n) = @_;
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;

    my $on = 1;
    local $SIG{TERM} = sub { $on = 0 };

    while ($on) {
        eval { $p->post("$path/w$n/fill",
                        { n => 20000, size => 100 + 300 * $n, over => 200 }) };
    }

    require POSIX;
    POSIX::_exit(0);
}

sub stopped
{
    my ($pid) = @_;

    for (1 .. 2000) {
        open my $in, '<', "/proc/$pid/stat" or return;
        return 1 if (<$in> // '') =~ /\) T /;
    }

    kill 'CONT', $pid;
    return;
}

done_testing;

# Jobs in the database: turns of tenants, limits, fences, leases, slots; and what
# a claim costs when few and when many wait.

use Pando;

use DBI;

my ($db, $two) = map { DBI->connect('dbi:Pg:' . Pando::database(), '', '',
    { RaiseError => 1, PrintError => 0 }) } 1 .. 2;
my ($A, $B, $C) = map { "00000000-0000-7000-8000-00000000000$_" } 1 .. 3;

sub cell { return ($db->selectrow_array($_[0], undef, @_[1 .. $#_]))[0] }

sub enqueue
{
    my ($tenant, %set) = @_;
    my @names = sort keys %set;

    return cell("SELECT pando.enqueue('a.b', tenant => ?"
        . join('', map { ", $_ => ?" } @names) . ')', $tenant, @set{@names});
}

# The rows of a claim of that kind, but for the one that says when to look.
sub claim
{
    my ($room, %set) = @_;
    my $on = $set{on} // $db;

    return grep { $_->{id} } @{ $on->selectall_arrayref("SELECT * FROM
        pando.claim_jobs('me', ARRAY['a.b'], ARRAY['a'], ARRAY[?::bigint],
        ARRAY[3::bigint], ARRAY[?::bigint], 60000)", { Slice => {} }, $room,
        $set{cost} // 10_000) };
}

sub finish
{
    for my $job (@_) {
        $db->do('SELECT pando.finish_job(?, ?, true)', undef,
                @$job{qw(id fence)});
    }
}

sub state_of { cell('SELECT state FROM pando.jobs WHERE id = ?', $_[0]) }

sub count
{
    my %n;
    $n{$_->{tenant_id}}++ for @_;
    return map { $n{$_} // 0 } $A, $B, $C;
}

sub clear
{
    $db->do("DELETE FROM pando.$_") for qw(jobs job_lanes job_news job_queues);
}


# many of one tenant, then one of another

enqueue($A) for 1 .. 50;
finish(claim(10));
my $late = enqueue($B);
my ($first) = claim(1);
is $first->{id}, $late, 'who comes new is served next';
finish($first);
enqueue($B) for 1 .. 20;
my @all = map { my @j = claim(1); finish(@j); @j } 1 .. 20;
my @n = count(@all);
cmp_ok abs($n[0] - $n[1]), '<=', 2, 'then they take turns' or diag "@n";


# by weight, one by one and in batches

for my $room (1, 8) {
    clear();
    $db->do("SELECT pando.set_queue('a', ?, NULL, 3, NULL)", undef, $A);
    enqueue($_) for ($A, $B) x 60;
    finish(claim(2));
    @all = map { my @j = claim($room); finish(@j); @j } 1 .. 40 / $room;
    @n = count(@all);
    cmp_ok $n[0] / $n[1], '>', 2, "three times the weight, $room at a time"
        or diag "@n";
    cmp_ok $n[0] / $n[1], '<', 4.5, 'is about three times as many';
}


# limits: two who claim at once

clear();
enqueue($_) for ($A, $B) x 20;
$db->do("SELECT pando.set_queue('a', NULL, 3, NULL, NULL)");
my @one = claim(20);
is_deeply [ count(@one) ], [ 3, 3, 0 ], 'no tenant has more than its queue lets';
is scalar(claim(20)), 0, 'nor in a second claim';
finish($one[0]);
is scalar(claim(20, on => $two)), 0, 'a lane at its limit pauses for a moment';
select undef, undef, undef, 0.15;
is scalar(claim(20, on => $two)), 1, 'then it has what was given back';
$db->do("SELECT pando.set_queue('a', ?, 5, NULL, NULL)", undef, $A);
select undef, undef, undef, 0.15;
cmp_ok +(count(claim(20)))[0], '>=', 2, 'a tenant may have a limit of its own';
$db->do("SELECT pando.set_queue('a', ?, NULL, NULL, true)", undef, $B);
finish(grep { $_->{tenant_id} eq $B } @one[1 .. $#one]);
select undef, undef, undef, 0.15;
is +(count(claim(20)))[1], 0, 'or be paused';


# priorities and times

clear();
my %id = map { $_ => enqueue($A, priority => $_) } 0, 7, -5;
my $later = enqueue($A, priority => 50, delay_ms => 300);
is_deeply [ map { $_->{id} } claim(10) ], [ @id{7, 0, -5} ], 'by priority';
is scalar(claim(10)), 0, 'not before its time';
my $wait = cell("SELECT wait_ms FROM pando.claim_jobs('me', ARRAY['a.b'],
    ARRAY['a'], ARRAY[1::bigint], ARRAY[1::bigint], ARRAY[1::bigint], 1000)
    WHERE id IS NULL");
cmp_ok $wait, '<=', 300, 'who claims is told when it is due';
select undef, undef, undef, 0.35;
is +(claim(10))[0]{id}, $later, 'and then it is';


# fences

clear();
my $id = enqueue($A);
my ($old) = claim(1);
$db->do("UPDATE pando.jobs SET lease_until = now() - interval '1 s'");
is cell('SELECT pando.sweep_jobs(100)'), 1, 'a lease is over';
is state_of($id), 'ready', 'its job waits again';
my ($new) = claim(1);
is $new->{attempts}, 2, 'the attempt was one';
isnt $new->{fence}, $old->{fence}, 'its run has another fence';
ok !eval { finish($old); 1 }, 'whose lease was over cannot end it';
is $db->state, 'PD410';
is cell("SELECT pando.end_jobs(ARRAY[?::uuid], ARRAY[?::bigint],
    ARRAY['done'], ARRAY[0::bigint], ARRAY[''])", @$old{qw(id fence)}), 0,
    'in no way';
is state_of($id), 'running';
is cell("SELECT pando.end_jobs(ARRAY[?::uuid], ARRAY[?::bigint],
    ARRAY['back'], ARRAY[0::bigint], ARRAY[''])", @$new{qw(id fence)}), 1,
    'handed back';
($new) = claim(1);
is $new->{attempts}, 2, 'it was no attempt';
$db->do("UPDATE pando.jobs SET lease_until = now() - interval '1 s',
    attempts = 3");
$db->do('SELECT pando.sweep_jobs(100)');
is state_of($id), 'dead', 'what kills its workers is dead in the end';
is cell('SELECT pando.retry_jobs(ARRAY[?::uuid], 5)', $id), 1;
is state_of($id), 'ready', 'unless somebody wants it';


# what one transaction has not committed yet is found when it has

clear();
$two->begin_work;
$two->do("SELECT pando.enqueue('a.b', tenant => ?)", undef, $A);
is scalar(claim(5)), 0, 'not committed';
$two->commit;
is scalar(claim(5)), 1, 'committed';
is scalar(claim(5)), 0;
$two->begin_work;
$two->do("SELECT pando.enqueue('a.b', tenant => ?)", undef, $A);
enqueue($A);
is scalar(claim(5)), 1, 'who enqueues does not wait for who enqueues';
is scalar(claim(5)), 0;
$two->commit;
is scalar(claim(5)), 1, 'and neither is missed';
$two->begin_work;
$two->do("SELECT pando.enqueue('a.b', tenant => ?)", undef, $C);
my $seen = enqueue($C);
$two->rollback;
is +(claim(5))[0]{id}, $seen, 'nor does a rollback take another\'s along';
$db->do("INSERT INTO pando.jobs (queue, kind) VALUES ('a', 'a.b')");
is scalar(claim(5)), 0, 'what is written without a word to anyone';
$db->do('SELECT pando.sweep_jobs(100)');
is scalar(claim(5)), 1, 'the sweep finds';


# slots

my $slots = "SELECT pando.due_periods(ARRAY['a.p'], ARRAY['a'],
    ARRAY[3600000::bigint], ARRAY[0::bigint])";
my $jobs = "SELECT count(*) FROM pando.jobs WHERE kind = 'a.p'";

cmp_ok cell($slots), '<=', 3600000, 'a new period waits for its next slot';
is cell($jobs), 0;
$db->do("UPDATE pando.job_periods SET slot = slot - 5");
$db->do($slots) for 1 .. 3;
is cell($jobs), 1, 'of those that were missed one is made up for, once';
$db->do("UPDATE pando.job_periods SET slot = slot + 5");
$db->do($slots);
is cell($jobs), 1, 'a clock that was set back runs nothing twice';


# retention

clear();
$db->do("INSERT INTO pando.jobs (queue, kind, state, ended_at)
    SELECT 'a', 'a.b', s, now() - d * interval '1 day' FROM
    unnest(ARRAY['done', 'dead', 'canceled']) s, unnest(ARRAY[0, 2, 31]) d");
$db->do('SELECT pando.sweep_jobs(100)');
is cell("SELECT string_agg(state || ' ' || now()::date - ended_at::date, ', '
    ORDER BY state, ended_at DESC) FROM pando.jobs"),
    'canceled 0, canceled 2, dead 0, dead 2, done 0',
    'done ones are kept a day, others a month';


# What a claim reads does not depend on how many wait.

sub reads
{
    my ($n, @tenants) = @_;

    clear();
    $db->do("INSERT INTO pando.jobs (queue, kind, tenant_id) SELECT 'a', 'a.b',
        t FROM generate_series(1, ?::int), unnest(?::uuid[]) t", undef, $n,
        \@tenants);
    $db->do('SELECT pando.sweep_jobs(100)');
    $db->do('VACUUM ANALYZE pando.jobs');
    $db->do('VACUUM ANALYZE pando.job_lanes');
    claim(10);
    $db->begin_work;
    my @got = claim(16);
    my $read = cell("SELECT sum(seq_tup_read + idx_tup_fetch) FROM
        pg_stat_xact_user_tables WHERE schemaname = 'pando'");
    $db->rollback;
    is scalar(@got), 16, "16 of $n";
    return $read;
}

my $few = reads(500, $A, $B);
my $many = reads(50_000, $A, $B);

cmp_ok $many, '<=', $few * 1.5, 'a claim of many reads as few rows'
    or diag "$few $many";

$_->disconnect for $db, $two;
done_testing;

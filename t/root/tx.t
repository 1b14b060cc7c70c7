# Statements and transactions: what is queued leaves together, a failure is
# one statement's alone, and nothing half done stays.

use Pando;

my $p = Pando->new(domains => ['probe'], workers => 2);
my $tenant = '00000000-0000-7000-8000-0000000000d1';
my %as = (token => { scope => 'probe:admin', tid => $tenant });
my $rows = 'select count(*) from probe.probes where tenant_id = ?';

sub trips { (($_[0]->header('Server-Timing') // '') =~ /desc="(\d+)"/)[0] // 0 }


# one statement: the row and its event

my $r = $p->post('/api/v1/probes', { name => 'one', amount => 1 }, %as);
is $r->{status}, 201, 'added';
is trips($r), 1, 'in one round trip';
my $id = $r->json->{id};
is $p->sql('select count(*) from pando.outbox where subject = ?', $id), 1,
    'with its event';

$r = $p->post('/api/v1/probes', { name => 'one', amount => 1 }, %as);
is $r->{status}, 409, 'a broken constraint is the problem that names it';
is $r->json->{errors}[0]{pointer}, '/name';
is $p->sql('select count(*) from pando.outbox where tenant_id = ?', $tenant),
    1, 'and leaves no event behind';


# a transaction whose statements are all queued

$r = $p->post('/api/v1/probes/pairs', { name => 'pair', amount => 2 }, %as);
is $r->{status}, 204, 'two statements and COMMIT';
is trips($r), 1, 'in one round trip';
is $p->sql($rows, $tenant), 3;

$r = $p->post('/api/v1/probes/pairs', { name => 'pair', amount => 2 }, %as);
is $r->{status}, 409, 'the first of them fails';
$r = $p->post('/api/v1/probes/pairs', { name => 'half', amount => -1 }, %as);
is $r->{status}, 422, 'a check fails';
$p->post('/api/v1/probes', { name => 'late again' }, %as);
$r = $p->post('/api/v1/probes/pairs', { name => 'late' }, %as);
is $r->{status}, 409, 'the second of them fails';
is $p->sql('select count(*) from probe.probes where name = ?', 'late'), 0,
    'and the first is not there either';


# reading before writing

$r = $p->patch("/api/v1/probes/$id", { note => 'x' }, %as);
is $r->{status}, 200;
is trips($r), 3, 'lock, change, commit';
is $r->header('ETag'), '"v2"';
$r = $p->patch("/api/v1/probes/$id", { note => undef }, %as,
               'If-Match' => '"v1"');
is $r->{status}, 412, 'an old version is refused';
$r = $p->patch("/api/v1/probes/$id", { note => undef }, %as,
               'If-Match' => '"v2"');
is $r->{status}, 200, 'the one at hand is not';
is $r->json->{note}, undef, 'null is a value';
is $r->json->{name}, 'one', 'what is absent stays';

my @r = $p->parallel(map { [ PATCH => "/api/v1/probes/$id",
    body => { amount => $_ }, %as ] } 1 .. 50);
is scalar(grep { $_->{status} == 200 } @r), 50, 'fifty changes at once';
is $p->get("/api/v1/probes/$id", %as)->json->{version}, 53,
    'each made one version';


# neighbours: failures and successes on the same shared connection

@r = $p->parallel(map { [ POST => '/api/v1/probes',
    body => { name => $_ % 2 ? "n$_" : 'one' }, %as ] } 1 .. 100);
is scalar(grep { $_->{status} == 201 } @r), 50, 'fifty of a hundred succeed';
is scalar(grep { $_->{status} == 409 } @r), 50, 'and fifty fail alone';


# more flows than exclusive connections

@r = $p->parallel(map { [ GET => '/api/v1/probes/waits/transaction?ms=20',
                          %as ] } 1 .. 60);
is scalar(grep { $_->{status} == 200 } @r), 60, 'sixty stand in line for eight';


# a transaction that is left is rolled back, and its connection is whole

for (1 .. 20) {
    $p->get('/api/v1/probes/waits/transaction?ms=1&fail=true', %as);
}

ok $p->wait_for(sub { !$p->sql("select count(*) from pg_stat_activity
    where application_name = 'pando' and datname = current_database()
      and state like 'idle in transaction%'") }),
    'no transaction stays open';

$r = $p->get('/api/v1/probes/waits/transaction?ms=5000', %as);
is $r->{status}, 503, 'a deadline ends the flow';
is $r->json->{code}, 'timed_out';
is $r->header('Retry-After'), 1;


# deadlocks and lost races: the handler runs again

$p->sql("create function probe.trouble() returns trigger language plpgsql as
    \$\$ begin
        if nextval('probe.troubles') % 3 <> 0 then
            raise exception using errcode = '40001', message = 'lost a race';
        end if;
        return new;
    end \$\$");
$p->sql('create sequence probe.troubles');
$p->sql("create trigger trouble before insert on probe.probes for each row
         when (new.name like 'race%') execute function probe.trouble()");

$r = $p->post('/api/v1/probes', { name => 'race' }, %as);
is $r->{status}, 201, 'run again until it is through';
is $p->sql("select count(*) from probe.probes where name = 'race'"), 1, 'once';

$p->sql("create or replace function probe.trouble() returns trigger
    language plpgsql as \$\$ begin
        raise exception using errcode = '40P01', message = 'deadlock';
    end \$\$");
$r = $p->post('/api/v1/probes', { name => 'race 2' }, %as);
is $r->{status}, 503, 'but not for ever';


# a table that changes under a prepared statement

$p->sql('alter table probe.probes add column extra int');
is $p->get("/api/v1/probes/$id", %as)->{status}, 200, 'a new column';
$p->sql('drop function probe.trouble() cascade');
is $p->post('/api/v1/probes', { name => 'after' }, %as)->{status}, 201;

done_testing;

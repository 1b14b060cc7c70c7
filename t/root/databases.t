# Several databases: a domain may have its own, and reads may go to a replica.

use Pando;

my $tenant = '00000000-0000-7000-8000-0000000000e1';
my %as = (token => { scope => 'probe:admin', tid => $tenant });
my $path = '/api/v1/probes';

# two more databases beside the file's own, each knowing who it is

my $p = Pando->new(domains => ['probe'], start => 0);
my $admin = DBI->connect("dbi:Pg:$ENV{PANDO_TEST_PG} dbname=postgres", '', '',
                         { RaiseError => 1, PrintError => 0 });
my %conninfo;

for my $name (qw(other copy)) {
    my $db = "t_${name}_$$";

    $admin->do("create database \"$db\" template pando_template");
    $conninfo{$name} = "$ENV{PANDO_TEST_PG} dbname=$db";
    DBI->connect("dbi:Pg:$conninfo{$name}", '', '', { RaiseError => 1 })
        ->do('insert into probe.probes (tenant_id, name) values (?, ?)', undef,
             $tenant, $name);
}

$p->sql('insert into probe.probes (tenant_id, name) values (?, ?)', $tenant,
        'own');

sub names { join ' ', sort map { $_->{name} }
            @{ $p->get($path, %as)->json->{data} } }


$p->start;
is names(), 'own', 'a domain reads the default database';

$p->configure(http => qq(pando_database second "$conninfo{other}";
                         pando_use probe second;));
$p->reload;
is names(), 'other', 'or the one it is told to use';
is $p->post($path, { name => 'new' }, %as)->{status}, 201;
is names(), 'new other', 'and writes there';
is $p->sql('select count(*) from probe.probes'), 1, 'not in the default one';

$p->configure(http => qq(
    pando_database second "$p->{database}"
                   "replica=$conninfo{copy}";
    pando_use probe second;));
$p->reload;
is names(), 'copy', 'reads go to the replica';
is $p->post($path, { name => 'new' }, %as)->{status}, 201;
is names(), 'copy', 'writes do not';
is $p->sql("select count(*) from probe.probes where name = 'new'"), 1,
    'they go to the primary';

my $id = $p->sql("select id from probe.probes where name = 'new'");
is $p->patch("$path/$id", { note => 'x' }, %as)->{status}, 200,
    'what a transaction reads it reads there too';


# while the replica is away, the primary is read

sub replica
{
    my ($is) = @_;

    $admin->do(qq(alter database "t_copy_$$" allow_connections $is));
    $admin->do('select pg_terminate_backend(pid) from pg_stat_activity'
               . " where datname = 't_copy_$$'") if $is eq 'false';
}

replica('false');
$p->wait_for(sub { names() ne 'copy' }, 5);
is names(), 'new own', 'without a replica the primary is read';
is $p->post($path, { name => 'newer' }, %as)->{status}, 201;
like names(), qr/newer/, 'at once';
replica('true');
ok $p->wait_for(sub { names() eq 'copy' }, 10), 'until the replica is back';
is names(), 'copy', 'and stays' for 1 .. 5;

done_testing;

END {
    for my $name (keys %conninfo) {
        $admin->do("drop database if exists \"t_${name}_$$\" with (force)");
    }
}

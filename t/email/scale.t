# Twenty thousand that wait for many delay nobody who needs one mail now; and a
# claim reads as much of a large queue as of a small one.

use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use Mails;
use Pando;

my $n = 20_000;
my $t = Mails->new(workers => 2, http => 'pando_jobs most=32;');
my $p = $t->{p};
my $tenant = $Pando::Token::TENANT;

# What a claim reads: blocks of the index and the rows that it comes to.
sub read_by_claim
{
    my ($json) = map { $_->[0] } $p->sql('explain (analyze, buffers, format json)
        select id from email.messages where tenant_id = ? and lane = ?
           and state in (\'scheduled\', \'queued\', \'deferred\') and next_at <= clock_timestamp()
         order by next_at limit 1 for update skip locked', $tenant, 'bulk');
    my $plan = decode_json($json)->[0]{Plan};
    return $plan->{'Shared Hit Blocks'} + $plan->{'Shared Read Blocks'};
}

my $one = $t->mail(lane => 'bulk', send_at => '2096-01-01T00:00:00Z');

sub queue
{
    my ($from, $to) = @_;
    $p->sql("with m as (insert into email.messages (tenant_id, lane, to_norm, to_address, sender,
        subject, size, next_at, expires_at)
        select '$tenant', 'bulk', 'u' || i || '\@x.test', 'u' || i || '\@x.test',
               'me\@pando.test', 'hi', 1, now() - interval '1 minute', now() + interval '1 day'
          from generate_series($from, $to) i returning id)
        insert into email.bodies (message_id, tenant_id, content_ct)
        select m.id, '$tenant', b.content_ct from m, email.bodies b where b.message_id = ?",
        $one->{id});
}

queue(1, 500);
$p->sql('analyze email.messages');
my $small = read_by_claim();
queue(501, $n);
$p->sql('analyze email.messages');
my $large = read_by_claim();
cmp_ok $large, '<=', $small + 8, 'a claim reads no more of a large queue' or diag "$small $large";

my $waits = sub { ($p->sql("select count(*) from email.messages where lane = 'bulk'
    and state = 'queued'"))[0][0] };
$p->sql("select email.wake(?, 'bulk', now()) from generate_series(1, 32)", $tenant);
$t->waits(sub { $waits->() < $n - 50 }, 'many are under way');
my @need = map { $t->mail(to => "need$_\@x.test") } 1 .. 30;
$t->gets($_, 'sent', 'one that is needed') for @need;
my $left = $waits->();
cmp_ok $left, '>', 0, 'comes before many that wait' or diag $left;
my ($late) = $p->sql("select count(*) from email.messages m where m.to_norm like 'need%'
    and m.sent_at > (select max(o.sent_at) from email.messages o where o.lane = 'bulk')");
is $late->[0], 0, 'each of them';

done_testing;

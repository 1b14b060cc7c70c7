# A hundred thousand (or MANY) that wait for many delay nobody who needs one
# mail now; a claim reads as much of a large queue as of a small one, and as
# little of what is for later; so does one address's history.

use FindBin;
use lib $FindBin::Bin;
use JSON::PP;
use List::Util qw(max);
use Mails;
use Pando;

my $n = $ENV{MANY} // 100_000;
my $t = Mails->new(workers => 2, http => 'pando_jobs most=32;');
my $p = $t->{p};
my $tenant = $Pando::Token::TENANT;

# Blocks that a statement comes to, once its plan is known.
sub reads
{
    my ($sql, @args) = @_;
    my $blocks;

    for (1 .. 3) {
        my ($json) = map { $_->[0] } $p->sql("explain (analyze, buffers, format json) $sql", @args);
        my $plan = decode_json($json)->[0]{Plan};
        $blocks = $plan->{'Shared Hit Blocks'} + $plan->{'Shared Read Blocks'};
    }

    return $blocks;
}

sub claim { return reads('select * from email.claim(?, ?, 3000)', $tenant, $_[0]) }
sub history { return reads("select m.id from email.messages m where m.tenant_id = ?
    and m.to_norm = 'u7\@x.test' order by m.id desc limit 50", $tenant) }

my $one = $t->mail(lane => 'bulk', send_at => '2096-01-01T00:00:00Z');

sub queue
{
    my ($from, $to, %in) = @_;
    my ($lane, $at) = ($in{lane} // 'bulk', $in{at} // "now() - interval '1 minute'");
    $p->sql("with m as (insert into email.messages (tenant_id, lane, to_norm, to_address, sender,
        subject, size, next_at, expires_at)
        select '$tenant', '$lane', 'u' || i || '\@x.test', 'u' || i || '\@x.test',
               'me\@pando.test', 'hi', 1, $at, now() + interval '9 days'
          from generate_series($from, $to) i returning id)
        insert into email.bodies (message_id, tenant_id, content_ct)
        select m.id, '$tenant', b.content_ct from m, email.bodies b where b.message_id = ?",
        $one->{id});
    $p->sql('analyze email.messages');
}


# what a claim reads

queue(1, $n / 10);
my ($small, $small_history) = (claim('bulk'), history());
queue($n / 10 + 1, $n);
my ($large, $large_history) = (claim('bulk'), history());
cmp_ok $large, '<=', $small * 1.5 + 30, 'a claim reads no more of a large queue';
cmp_ok $large_history, '<=', $small_history + 10, "nor does an address's history";
my $none = claim('transactional');
cmp_ok $none, '<=', 60, 'of an empty lane it reads nothing of the other';
queue(1, 5000, lane => 'transactional', at => "now() + interval '1 day'");
my $later = claim('transactional');
cmp_ok $later, '<=', $none + 20, 'and nothing of what is for later';
diag "blocks of a claim: $small of @{[ $n / 10 ]}, $large of $n; none due: $none, $later of 5000;",
    " history: $small_history, $large_history";
$p->sql("delete from email.messages where lane = 'transactional'");


# who needs one now

$t->post('/email/templates', { key => 'now', subject => 'now', text => 'now' });
$t->post('/email/templates/now/publish', {});
my $waits = sub { ($p->sql("select count(*) from email.messages where lane = 'bulk'
    and state = 'queued'"))[0][0] };
my $before = $waits->();
$p->sql("select email.wake(?, 'bulk', now()) from generate_series(1, 32)", $tenant);
$t->waits(sub { $waits->() < $before - 50 }, 'many are under way');
my @need = @{ $t->post('/email/messages/batch', { template => 'now', lane => 'transactional',
    items => [ map { { to => "need$_\@x.test" } } 1 .. 100 ] })->json->{results} };
my $sent = sub { ($p->sql("select count(*) from email.messages where lane = 'transactional'
    and state = 'sent'"))[0][0] == 100 };
$t->waits($sent, 'a hundred that are needed are sent') or diag explain \@need;
cmp_ok $waits->(), '>', 0, 'before many that wait';
my ($late) = $p->sql("select count(*) from email.messages m where m.lane = 'transactional'
    and m.sent_at > (select max(o.sent_at) from email.messages o where o.lane = 'bulk')");
is $late->[0], 0, 'each of them';
my @wait = sort { $a <=> $b } map { $_->[0] } $p->sql("select extract(epoch from sent_at
    - created_at) from email.messages where lane = 'transactional'");
cmp_ok max(@wait), '<', 20, 'soon';
diag sprintf 'a hundred beside %d: %.2f s for half of them, %.2f s for all', $before, $wait[50],
    $wait[99];

done_testing;

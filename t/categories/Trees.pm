# What the tests of categories share: trees to test on, and whether they hold
# together.  See Pando::Routes for the rest.
#
#   my $t = Trees->new;
#   my $places = $t->taxonomy(key => 'places');
#   my $cafe = $t->category($places, 'Cafe', parent_id => $food->{id});

package Trees;

use strict;
use warnings;

use Pando;
use Pando::Routes;
use Test::More;

our @ISA = 'Pando::Routes';
our $OTHER = { scope => 'categories:admin', tid => $Pando::Token::OTHER };
our $NIL = $Pando::Routes::NIL;
our $NOBODY = $Pando::Routes::NOBODY;


sub new { my ($class, %set) = @_; $class->SUPER::new('categories', %set) }


# Things to test on

my $count = 0;

sub taxonomy
{
    my ($t, %set) = @_;
    my $token = delete $set{token} // $t->{token};
    my $r = $t->{p}->post('/api/v1/taxonomies', { key => 'tree-' . ++$count,
        name => 'A tree', subject => 'place', %set }, token => $token);

    die "no taxonomy: $r->{raw}\n" unless $r->{status} == 201;
    return $r->json;
}


sub category
{
    my ($t, $taxonomy, $name, %set) = @_;
    my $token = delete $set{token} // $t->{token};
    my $query = delete $set{query} // '';
    my $r = $t->{p}->post("/api/v1/categories$query", { name => $name,
        taxonomy_id => $taxonomy->{id}, %set }, token => $token);

    die "no category: $r->{raw}\n" unless $r->{status} == 201;
    return $r->json;
}


# Waits until the counts have heard all that was told.
sub heard
{
    my ($t) = @_;
    my $p = $t->{p};

    $p->sql('NOTIFY pando_events');
    return $p->wait_for(sub { $p->sql("SELECT (r.xid, r.seq) >= (o.xid, o.seq)
        FROM pando.readers AS r, (SELECT xid, seq FROM pando.outbox
             ORDER BY xid DESC, seq DESC LIMIT 1) AS o
        WHERE r.name = 'categories.filed'") }, 60);
}


# The tree as names: [ [ 'Food', [ 'Cafe' ] ], ... ]
sub names
{
    my ($t, $taxonomy, $query, @opt) = @_;
    my $r = $t->get("/categories?taxonomy=$taxonomy->{id}" . ($query // ''),
                    @opt);

    return $r->json ? named($r->json->{tree}) : "status $r->{status}";
}


sub named
{
    return [ map {
        my @below = @{ named($_->{children}) };
        @below ? ($_->{name}, \@below) : $_->{name}
    } @{ $_[0] } ];
}


# Nothing is its own ancestor, and each path is its parent's and its label.
sub sound
{
    my ($t, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;

    is_deeply [ $t->{p}->sql(<<'SQL') ], [], $name // 'the tree holds together';
WITH RECURSIVE up AS (
    SELECT c.id, c.live, c.parent_id, 1 AS steps
      FROM categories.categories AS c
    UNION ALL
    SELECT up.id, up.live, c.parent_id, up.steps + 1
      FROM up JOIN categories.categories AS c
        ON c.id = up.parent_id AND c.live = up.live
     WHERE up.steps < 30
)
SELECT 'cycle', id FROM up WHERE steps >= 30
UNION ALL
SELECT 'path', c.id
  FROM categories.categories AS c
  LEFT JOIN categories.categories AS p ON p.id = c.parent_id AND p.live = c.live
 WHERE c.path <> coalesce(p.path, '') || categories.label(c.seq)
SQL
}

1;

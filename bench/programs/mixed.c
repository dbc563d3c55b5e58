/*
 * What CoreMark exercises, in a program of our own: a linked list that is sorted and searched, integer matrices, a state
 * machine over text, and a CRC over the results. Prints seconds and the CRC.
 */
#include <stdint.h>
#include <stdlib.h>
#include "clock.h"

enum { NODES = 512, SIZE = 24, ROUNDS = 12000 };
struct node { struct node *next; int16_t key, data; };

static struct node nodes[NODES];
static int16_t a[SIZE][SIZE], b[SIZE][SIZE];
static int32_t product[SIZE][SIZE];
static const char text[] = "5012,1.2e3,-0.5,+7,T0.3e-1F,0x1,,.5,12e+4,-99.9,hello,1234abcd,0.0001,-+1,6.02e23";

static uint16_t crc(uint16_t c, uint16_t value) {
  for (int i = 0; i < 16; i++, value >>= 1) c = (uint16_t)((c >> 1) ^ (((c ^ value) & 1) ? 0xA001 : 0));
  return c;
}

static struct node *merge(struct node *x, struct node *y) {
  struct node head, *tail = &head;
  while (x && y) {
    struct node **least = x->key <= y->key ? &x : &y;
    tail->next = *least;
    tail = *least;
    *least = (*least)->next;
  }
  tail->next = x ? x : y;
  return head.next;
}

static struct node *sort(struct node *list) {
  if (!list || !list->next) return list;
  struct node *slow = list, *fast = list->next;
  while (fast && fast->next) { slow = slow->next; fast = fast->next->next; }
  struct node *half = slow->next;
  slow->next = 0;
  return merge(sort(list), sort(half));
}

static uint16_t work_on_list(uint32_t seed) {
  for (int i = 0; i < NODES; i++) {
    seed = seed * 1103515245 + 12345;
    nodes[i].key = (int16_t)(seed >> 16);
    nodes[i].data = (int16_t)i;
    nodes[i].next = i + 1 < NODES ? &nodes[i + 1] : 0;
  }
  uint16_t c = 0;
  for (struct node *n = sort(nodes); n; n = n->next) c = crc(c, (uint16_t)n->data);
  return c;
}

static uint16_t work_on_matrices(int16_t seed) {
  for (int i = 0; i < SIZE; i++)
    for (int j = 0; j < SIZE; j++) { a[i][j] = (int16_t)(seed + i * j); b[i][j] = (int16_t)(seed ^ (i + j)); }
  uint16_t c = 0;
  for (int i = 0; i < SIZE; i++)
    for (int j = 0; j < SIZE; j++) {
      int32_t sum = 0;
      for (int k = 0; k < SIZE; k++) sum += a[i][k] * b[k][j];
      product[i][j] = sum;
      if ((sum & 15) == 0) c = crc(c, (uint16_t)sum);
    }
  return c;
}

static uint16_t work_on_states(void) {
  enum { START, SIGN, INTEGER, FRACTION, EXPONENT, OTHER, STATES } state = START;
  uint16_t count[STATES] = {0}, c = 0;
  for (const char *p = text; *p; p++) {
    char ch = *p;
    if (ch == ',') { count[state]++; state = START; continue; }
    switch (state) {
      case START: state = ch == '-' || ch == '+' ? SIGN : ch == '.' ? FRACTION : ch >= '0' && ch <= '9' ? INTEGER : OTHER; break;
      case SIGN: state = ch >= '0' && ch <= '9' ? INTEGER : ch == '.' ? FRACTION : OTHER; break;
      case INTEGER: state = ch == '.' ? FRACTION : ch == 'e' ? EXPONENT : ch >= '0' && ch <= '9' ? INTEGER : OTHER; break;
      case FRACTION: state = ch == 'e' ? EXPONENT : ch >= '0' && ch <= '9' ? FRACTION : OTHER; break;
      default: break;
    }
  }
  for (int i = 0; i < STATES; i++) c = crc(c, count[i]);
  return c;
}

int main(void) {
  uint16_t c = 0;
  double start = now();
  for (uint32_t round = 0; round < ROUNDS; round++) {
    c = crc(c, work_on_list(round));
    c = crc(c, work_on_matrices((int16_t)round));
    c = crc(c, work_on_states());
  }
  printf("%.6f %04x\n", now() - start, c);
  return 0;
}
